import type { Keeper } from '@zk-recipes/core';
import { bytesCodec, Queue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { namesIn, untilEmpty } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const ALL = 31;
const CREATE = 4;
const READ = 1;

/** Bytes that fit into a frame with a put, and do not fit into one with a burial. */
const TOO_LARGE_TO_BURY = 1_048_335;

/** What a settlement may be given by code that is not checked by a compiler, and by errors of any library. */
const unfitDelays: Readonly<Record<string, unknown>> = {
  '-1': -1,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '2^41': 2 ** 41,
  'a bigint': 5n,
  'a text': '5',
  'a promise': Promise.resolve(5),
  nothing: undefined,
};
const unfitErrors: Readonly<Record<string, () => unknown>> = {
  'an object as its message': () => Object.assign(new Error('no'), { message: { code: 7 } }),
  'an array as its message': () => Object.assign(new Error('no'), { message: ['a', 'b'] }),
  'a number as its message': () => Object.assign(new Error('no'), { message: 42 }),
  'null as its message': () => Object.assign(new Error('no'), { message: null }),
  'a getter that throws': () =>
    Object.defineProperty(new Error('no'), 'message', {
      get: () => {
        throw new Error('of the getter');
      },
    }),
  'a message of a megabyte': () => new Error('x'.repeat(1_048_576)),
  null: () => null,
  'an object without a prototype': () => Object.create(null),
  'a proxy that is revoked': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

describeOnOwnServers('what the server, or the client, refuses of a queue', { timeout: 60_000 }, () => {
  const server = ownServer({ tickTimeMs: 250, systemProperties: { 'zookeeper.enforceQuota': true } });
  const on = stage(() => server().connectString);

  const permit = (keeper: Keeper, path: string, perms: number): Promise<unknown> =>
    keeper
      .setAcl()
      .withAcl([{ perms, id: { scheme: 'world', id: 'anyone' } }])
      .forPath(path);

  const operations = (): string[] => on.errors.map(({ operation }) => operation);

  /** Has everything of a queue that comes after its first item handled; how often that one is handed out is told. */
  async function workOff(
    queue: Queue<string>,
    values: readonly string[],
    onFirst: (attempt: number) => unknown,
    options: { retryDelayMs?: (attempts: number) => number } = {},
  ): Promise<{ readonly attempts: readonly number[] }> {
    await queue.putAll(['first', ...values]);
    const stopping = new AbortController();
    const attempts: number[] = [];
    const done: string[] = [];
    await queue.process(
      (delivery) => {
        if (delivery.value === 'first') {
          attempts.push(delivery.attempts);
          return onFirst(delivery.attempts);
        }
        done.push(delivery.value);
        if (done.length === values.length) stopping.abort();
        return undefined;
      },
      { signal: stopping.signal, ...options },
    );
    expect(done).toEqual(values);
    return { attempts };
  }

  describe('process goes on, and leaves no claim,', () => {
    it.each(Object.keys(unfitDelays))('if retryDelayMs returns %s', async (name) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      const retryDelayMs = (): number => unfitDelays[name] as number;
      await workOff(
        queue,
        ['a', 'b'],
        () => {
          throw new Error('of the handler');
        },
        { retryDelayMs },
      );
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(await queue.size()).toBe(1);
      // On a busy machine its turn may come once more.
      expect(new Set(operations())).toEqual(new Set(['retryDelayMs of a queue']));
    });

    it.each([true, false])('if retryDelayMs throws, or is an async function that rejects (%s)', async (isAsync) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      const fail = (): number => {
        throw new Error('of the delay');
      };
      const failLater = (async () => fail()) as unknown as () => number;
      await workOff(
        queue,
        ['a'],
        () => {
          throw new Error('of the handler');
        },
        { retryDelayMs: isAsync ? failLater : fail },
      );
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      // On a busy machine its turn may come once more.
      expect(new Set(operations())).toEqual(new Set(['retryDelayMs of a queue']));
    });

    it.each(Object.keys(unfitErrors))('if the handler throws %s', async (name) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine(), { maxAttempts: 2 });
      const { attempts } = await workOff(
        queue,
        ['a', 'b'],
        () => {
          throw unfitErrors[name]?.();
        },
        { retryDelayMs: () => 0 },
      );
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(attempts).toEqual([1, 2]);
      const [letter] = await queue.deadLetters();
      expect(letter?.reason).toMatch(/^gave up after 2 attempts: ./);
      expect(letter?.reason?.length).toBeLessThanOrEqual(1_000);
      expect(on.errors).toEqual([]);
    });

    it('if dead letters cannot be written: the item is left alone for a minute, and told', async () => {
      const keeper = await on.keeper();
      const deadLetterPath = freshLine();
      await keeper.create().creatingParents().forPath(deadLetterPath);
      await permit(keeper, deadLetterPath, ALL - CREATE);
      const queue = new Queue<string>(keeper, freshLine(), { deadLetterPath, maxAttempts: 1 });
      const { attempts } = await workOff(queue, ['a', 'b', 'c'], () => {
        throw new Error('of the handler');
      });
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(attempts).toEqual([1]);
      expect(operations()).toEqual(['putting an item aside']);
      expect(on.errors[0]?.error).toMatchObject({ code: 'ZK_NO_AUTH' });
      const [name] = await namesIn(keeper, queue.path);
      const record = JSON.parse(`${await keeper.getData().forPath(`${queue.path}-side/attempts/${name}`)}`);
      expect(record).toMatchObject({ attempts: 1, claim: null, delayMs: 60_000, reason: 'of the handler' });
    });

    it('if a handler catches that its reject was refused: the item is not acknowledged', async () => {
      const keeper = await on.keeper();
      const deadLetterPath = freshLine();
      await keeper.create().creatingParents().forPath(deadLetterPath);
      await permit(keeper, deadLetterPath, ALL - CREATE);
      const queue = new Queue<string>(keeper, freshLine(), { deadLetterPath });
      await queue.putAll(['bad', 'good']);
      const stopping = new AbortController();
      await queue.process(
        async (delivery) => {
          if (delivery.value === 'good') stopping.abort();
          else await delivery.reject('no good').catch(() => {});
        },
        { signal: stopping.signal },
      );
      expect(await queue.size()).toBe(1);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
    });

    it('if the item is too large to be put aside', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<Uint8Array>(keeper, `/q${freshLine().slice(-12)}`, { codec: bytesCodec, maxAttempts: 1 });
      const room = `/queues-that-have-names-of-this-length/${'x'.repeat(60)}`.length;
      const size = TOO_LARGE_TO_BURY - room;
      await queue.put(Buffer.alloc(size));
      await queue.put(Buffer.from('good'));
      const stopping = new AbortController();
      const seen: number[] = [];
      await queue.process(
        ({ value }) => {
          seen.push(value.length);
          if (value.length === size) throw new Error('too much');
          stopping.abort();
        },
        { signal: stopping.signal },
      );
      expect(seen).toEqual([size, 4]);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(await queue.size()).toBe(1);
      expect(operations()).toEqual(['putting an item aside']);
      expect(on.errors[0]?.error).toMatchObject({ code: 'ZK_FRAME_TOO_LARGE' });
    });

    it('if a quota has no room for a reason, or for anything', async () => {
      const keeper = await on.keeper();
      const path = freshLine();
      const queue = new Queue<string>(keeper, path);
      const side = `${path}-side/attempts`;
      await keeper.create().creatingParents().forPath(side);
      // There is room for the record of another claim, and not for a long reason.
      await limitBytes(keeper, side, 400);
      const reason = 'r'.repeat(900);
      const { attempts } = await workOff(queue, ['b'], () => {
        throw new Error(reason);
      });
      expect(attempts).toEqual([1]);
      await untilEmpty(keeper, `${path}-side/claims`);
      expect(await queue.size()).toBe(1);
      expect(on.errors).toEqual([]);
      // Now there is no room for anything: claims are refused, until there is some again.
      await limitBytes(keeper, side, 1);
      await queue.put('last');
      const stopping = new AbortController();
      const processing = queue.process(
        ({ value }) => {
          if (value === 'last') stopping.abort();
        },
        { signal: stopping.signal },
      );
      await until(() => (on.errors.length >= 2 ? true : undefined), { what: 'two refusals', everyMs: 5 });
      await keeper.delete().forPath(`/zookeeper/quota${side}/zookeeper_limits`);
      await processing;
      expect(new Set(operations())).toEqual(new Set(['claiming an item']));
      expect(on.errors[0]?.error).toMatchObject({ code: 'ZK_QUOTA_EXCEEDED' });
      await untilEmpty(keeper, `${path}-side/claims`);
    });

    it('if one item may not be read', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('forbidden');
      const [name] = await namesIn(keeper, queue.path);
      await permit(keeper, `${queue.path}/${name}`, ALL - READ);
      const { attempts } = await workOff(queue, ['a', 'b'], () => {});
      expect(attempts).toEqual([1]);
      expect(operations()).toEqual(['claiming an item']);
      expect(on.errors[0]?.error).toMatchObject({ name: 'RefusedItem', cause: { code: 'ZK_NO_AUTH' } });
      expect(await queue.size()).toBe(1);
    });

    it('if one item is larger than this consumer takes: another one reads it', async () => {
      const path = freshLine();
      const large = new Queue<string>(await on.keeper(), path);
      await large.put('x'.repeat(20_000));
      const keeper = await on.keeper({ maxFrameBytes: 10_000 });
      const { attempts } = await workOff(new Queue<string>(keeper, path), ['a', 'b'], () => {});
      expect(attempts).toEqual([1]);
      expect(operations()).toEqual(['reading an item']);
      const delivery = await large.take();
      expect([delivery.value.length, delivery.attempts]).toEqual([20_000, 1]);
      await delivery.ack();
    });
  });

  describe('a loop over consume goes on', () => {
    it('if a reject is refused: the item is left alone for a minute', async () => {
      const keeper = await on.keeper();
      const deadLetterPath = freshLine();
      await keeper.create().creatingParents().forPath(deadLetterPath);
      await permit(keeper, deadLetterPath, ALL - CREATE);
      const queue = new Queue<string>(keeper, freshLine(), { deadLetterPath });
      await queue.putAll(['bad', 'good']);
      const seen: string[] = [];
      for await (const delivery of queue.consume()) {
        seen.push(delivery.value);
        if (delivery.value === 'bad') {
          await expect(delivery.reject('no good')).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
        } else {
          await delivery.ack();
          break;
        }
      }
      expect(seen).toEqual(['bad', 'good']);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      const record = `${await keeper.getData().forPath(`${queue.path}-side/attempts/queue-0000000000`)}`;
      expect(JSON.parse(record)).toMatchObject({ delayMs: 60_000, reason: 'no good' });
    });

    it('if the last retry is refused', async () => {
      const keeper = await on.keeper();
      const deadLetterPath = freshLine();
      await keeper.create().creatingParents().forPath(deadLetterPath);
      await permit(keeper, deadLetterPath, ALL - CREATE);
      const queue = new Queue<string>(keeper, freshLine(), { deadLetterPath, maxAttempts: 1 });
      await queue.putAll(['bad', 'good']);
      const deliveries = queue.consume();
      const { value: bad } = await deliveries.next();
      await expect(bad?.retry({ reason: 'r'.repeat(5_000) })).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      const { value: good } = await deliveries.next();
      expect(good?.value).toBe('good');
      await good?.ack();
      await deliveries.return?.();
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(operations()).toEqual(['putting an item aside']);
    });

    it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 41])(
      'if a retry has the unfit delay %s: it rejects at once, and may be called again',
      async (delayMs) => {
        const queue = new Queue<string>(await on.keeper(), freshLine());
        await queue.put('a');
        for await (const delivery of queue.consume()) {
          await expect(delivery.retry({ delayMs })).rejects.toThrow('delayMs');
          await delivery.ack();
          break;
        }
        expect(await queue.size()).toBe(0);
      },
    );

    it.each([5, null, {}, ['a']])(
      'if the reason %j is no text: it rejects at once, and may be called again',
      async (reason) => {
        const queue = new Queue<string>(await on.keeper(), freshLine());
        await queue.put('a');
        const delivery = await queue.take();
        await expect(delivery.retry({ reason: reason as string })).rejects.toThrow('reason');
        await expect(delivery.reject(reason as string)).rejects.toThrow('Expected `reason` to be a string');
        await delivery.reject('r'.repeat(5_000));
        const [letter] = await queue.deadLetters();
        expect(letter?.reason).toBe('r'.repeat(1_000));
      },
    );

    it('a delivery that cannot be put aside is disposed of all the same', async () => {
      const keeper = await on.keeper();
      const deadLetterPath = freshLine();
      await keeper.create().creatingParents().forPath(deadLetterPath);
      await permit(keeper, deadLetterPath, ALL - CREATE);
      const queue = new Queue<string>(keeper, freshLine(), { deadLetterPath, maxAttempts: 1 });
      await queue.put('a');
      const delivery = await queue.take();
      await delivery[Symbol.asyncDispose]();
      expect(delivery.state).toBe('settled');
      expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    });
  });

  describe('of records that are damaged', () => {
    const damage: Readonly<Record<string, (keeper: Keeper, path: string) => Promise<unknown>>> = {
      overwritten: (keeper, path) => keeper.setData().forPath(path, 'no record'),
      'of another version': (keeper, path) => keeper.setData().forPath(path, '{"attempts":"many","claim":7}'),
      removed: (keeper, path) => keeper.delete().forPath(path),
    };

    it.each(Object.keys(damage))('one that is %s while the item is worked on costs one more delivery', async (how) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.putAll(['a', 'b']);
      const delivery = await queue.take();
      const record = `${queue.path}-side/attempts/queue-0000000000`;
      await damage[how]?.(keeper, record);
      await expect(delivery.ack()).rejects.toMatchObject({ code: 'ZK_HOLD_LOST', reason: 'deleted' });
      const seen: string[] = [];
      const stopping = new AbortController();
      await queue.process(
        ({ value }) => {
          seen.push(value);
          if (seen.length === 2) stopping.abort();
        },
        { signal: stopping.signal },
      );
      expect(seen.sort()).toEqual(['a', 'b']);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      await untilEmpty(keeper, `${queue.path}-side/attempts`);
      expect(on.errors).toEqual([]);
    });

    it.each(Object.keys(damage))('one that is %s while the item waits counts as not known', async (how) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      await (await queue.take()).retry();
      await damage[how]?.(keeper, `${queue.path}-side/attempts/queue-0000000000`);
      const delivery = await queue.take();
      expect([delivery.value, delivery.attempts]).toEqual(['a', 1]);
      await delivery.ack();
      await untilEmpty(keeper, `${queue.path}-side/attempts`);
    });
  });

  describe('of all that is claimed', () => {
    const refusedPlaces = ['claims', 'attempts', 'line'];

    it.each(refusedPlaces)('process goes on once it is permitted to write to %s', async (place) => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      const directory = `${queue.path}-side/${place}`;
      await keeper.create().creatingParents().forPath(directory);
      await permit(keeper, directory, ALL - CREATE);
      const stopping = new AbortController();
      const seen: string[] = [];
      if (place !== 'line') await queue.put('a');
      const processing = queue.process(
        ({ value }) => {
          seen.push(value);
          stopping.abort();
        },
        { signal: stopping.signal },
      );
      await until(() => (on.errors.length >= 3 ? true : undefined), { what: 'three refusals', everyMs: 5 });
      if (place === 'line') await queue.put('a');
      await permit(keeper, directory, ALL);
      await processing;
      expect(seen).toEqual(['a']);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      for (const { error } of on.errors) expect(error).toMatchObject({ code: 'ZK_NO_AUTH' });
    });

    it('process goes on once it is permitted to list the queue', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      await permit(keeper, queue.path, ALL - READ);
      const stopping = new AbortController();
      const processing = queue.process(() => stopping.abort(), { signal: stopping.signal });
      await until(() => (on.errors.length >= 2 ? true : undefined), { what: 'two refusals', everyMs: 5 });
      await permit(keeper, queue.path, ALL);
      await processing;
      expect(await queue.size()).toBe(0);
      expect(new Set(operations())).toEqual(new Set(['watching a queue']));
    });

    it('process that is refused for good ends when its signal aborts', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await keeper.create().creatingParents().forPath(`${queue.path}-side/claims`);
      await permit(keeper, `${queue.path}-side/claims`, ALL - CREATE);
      await queue.put('a');
      const stopping = new AbortController();
      const processing = queue.process(() => {}, { signal: stopping.signal });
      await until(() => (on.errors.length >= 2 ? true : undefined), { what: 'two refusals', everyMs: 5 });
      stopping.abort();
      await processing;
      expect(await queue.size()).toBe(1);
    });

    it('take and consume tell their callers', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await keeper.create().creatingParents().forPath(`${queue.path}-side/claims`);
      await permit(keeper, `${queue.path}-side/claims`, ALL - CREATE);
      await queue.put('a');
      await expect(queue.take()).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      await expect(queue.consume().next()).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      expect(on.errors).toEqual([]);
    });
  });
});

/** Sets a hard limit for all bytes at and below a path, those that are there included. */
async function limitBytes(keeper: Keeper, path: string, bytes: number): Promise<void> {
  const limits = `count=-1,bytes=-1=;byteHardLimit=${bytes};countHardLimit=-1`;
  const directory = `/zookeeper/quota${path}`;
  if ((await keeper.exists().forPath(`${directory}/zookeeper_limits`)) !== null) {
    await keeper.setData().forPath(`${directory}/zookeeper_limits`, limits);
    return;
  }
  await keeper.create().creatingParents().forPath(`${directory}/zookeeper_limits`, limits);
  await keeper.create().forPath(`${directory}/zookeeper_stats`, 'count=0,bytes=0');
}
