import type { Keeper } from '@zk-recipes/core';
import { Queue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers, describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { requestsDuring } from '../stage/wire.js';

/** A handler that works on each item until it is told to go on. */
class Worker {
  readonly seen: string[] = [];
  readonly #goOn: (() => void)[] = [];
  /** How many were worked on at once. */
  most = 0;

  readonly handle = async ({ value, attempts }: { value: unknown; attempts: number }): Promise<void> => {
    this.seen.push(`${value} ${attempts}`);
    await new Promise<void>((resolve) => {
      this.#goOn.push(resolve);
      this.most = Math.max(this.most, this.#goOn.length);
    });
  };

  /** Ends the work on the item that was begun first. */
  finish(): void {
    this.#goOn.shift()?.();
  }

  async untilSeen(count: number): Promise<void> {
    await until(() => (this.seen.length >= count ? true : undefined), { what: `${count} items`, everyMs: 2 });
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Names of the items in their order, and of those that are claimed. */
async function claimsOf(keeper: Keeper, { path }: { readonly path: string }): Promise<string[]> {
  const items = (await namesIn(keeper, path)).sort();
  const claims = await namesIn(keeper, `${path}-side/claims`);
  return claims.map((name) => `${items.indexOf(name)}`).sort();
}

describeOnSharedServer('claiming ahead', () => {
  const on = stage();

  it('claims as many items as it is told, in order, and works on them one after the other', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    await queue.putAll(numbers(9));
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 3, signal: controller.signal });
    await untilNames(keeper, `${queue.path}-side/claims`, 4);
    await worker.untilSeen(1);
    expect(await claimsOf(keeper, queue)).toEqual(['0', '1', '2', '3']);
    for (let count = 1; count < 9; count++) {
      worker.finish();
      await worker.untilSeen(count + 1);
    }
    controller.abort();
    worker.finish();
    await processing;
    expect(worker.seen).toEqual(numbers(9).map((value) => `${value} 1`));
    expect(worker.most).toBe(1);
    expect(await queue.size()).toBe(0);
    for (const place of ['claims', 'attempts', 'line']) await untilEmpty(keeper, `${queue.path}-side/${place}`);
    await untilUnwatched(on.server, queue.path);
    expect(on.errors).toEqual([]);
  });

  it('gives back what nobody has seen when it ends, as if it had never been claimed', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine(), { maxAttempts: 2 });
    await queue.putAll(numbers(5));
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 3, signal: controller.signal });
    await untilNames(keeper, `${queue.path}-side/claims`, 4);
    await worker.untilSeen(1);
    controller.abort();
    expect(await isSettled(processing)).toBe(false);
    worker.finish();
    await processing;
    // All of it is done when it has ended.
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    const rest: string[] = [];
    for await (const delivery of queue.consume()) {
      rest.push(`${delivery.value} ${delivery.attempts}`);
      await delivery.ack();
      if (rest.length === 4) break;
    }
    expect(rest).toEqual(['2 1', '3 1', '4 1', '5 1']);
    expect(on.errors).toEqual([]);
  });

  it('stands in line for no more than it was asked for while there is nothing', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 8, concurrency: 2, signal: controller.signal });
    const [seat] = await untilNames(keeper, `${queue.path}-side/line`, 1);
    expect(seat).toMatch(/^_c_[-0-9a-f]{36}-2-seat-\d{10}$/);
    await queue.putAll(numbers(7));
    await untilNames(keeper, `${queue.path}-side/claims`, 7);
    await worker.untilSeen(2);
    controller.abort();
    for (let count = 0; count < 2; count++) worker.finish();
    await processing;
    expect(worker.seen).toEqual(['1 1', '2 1']);
    expect(await queue.size()).toBe(5);
    expect(on.errors).toEqual([]);
  });

  it('asks for nothing while there is nothing, however many others are wanted before', async () => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const path = freshLine();
    const controller = new AbortController();
    const options = { concurrency: 8, prefetch: 8, signal: controller.signal };
    const worker = new Worker();
    const processing = [new Queue<number>(other, path).process(worker.handle, options)];
    await untilNames(other, `${path}-side/line`, 1);
    processing.push(new Queue<number>(keeper, path).process(worker.handle, { signal: controller.signal }));
    await untilNames(other, `${path}-side/line`, 2);
    await keeper.sync().forPath('/');
    const sent = await requestsDuring(proxy, async () => {
      for (let round = 0; round < 100; round++) await other.sync().forPath('/');
    });
    expect(sent).toEqual({});
    controller.abort();
    await Promise.all(processing);
    await untilEmpty(other, `${path}-side/line`);
    expect(on.errors).toEqual([]);
  });

  it('hands out nothing of which the claim was removed by hand while it was ready', async () => {
    const keeper = await on.keeper();
    const other = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    await queue.putAll(numbers(3));
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 2, signal: controller.signal });
    const claims = await untilNames(other, `${queue.path}-side/claims`, 3);
    await worker.untilSeen(1);
    await other.delete().forPath(`${queue.path}-side/claims/${claims.sort()[1]}`);
    const elsewhere = await new Queue<number>(other, queue.path).take();
    expect([elsewhere.value, elsewhere.attempts]).toEqual([2, 2]);
    worker.finish();
    await worker.untilSeen(2);
    expect(worker.seen).toEqual(['1 1', '3 1']);
    controller.abort();
    worker.finish();
    await Promise.all([processing, elsewhere.ack()]);
    expect(await queue.size()).toBe(0);
  });

  it('does not claim ahead what was handed out before, nor anything behind that', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    await queue.putAll(numbers(5));
    const first = await queue.take();
    await (await queue.take()).retry();
    // The second one was handed out before; the first is held.
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 3, signal: controller.signal });
    await worker.untilSeen(1);
    for (let round = 0; round < 20; round++) await keeper.sync().forPath('/');
    // Nor anything while it is being worked on.
    expect(await claimsOf(keeper, queue)).toEqual(['0', '1']);
    expect(worker.seen).toEqual(['2 2']);
    worker.finish();
    await worker.untilSeen(2);
    await untilNames(keeper, `${queue.path}-side/claims`, 4);
    controller.abort();
    worker.finish();
    await processing;
    const again = new AbortController();
    const processingAgain = queue.process(worker.handle, { prefetch: 3, signal: again.signal });
    // What was given back unseen has a record as what was seen has: it is asked for, too.
    await worker.untilSeen(3);
    for (let round = 0; round < 20; round++) await keeper.sync().forPath('/');
    expect(worker.seen).toEqual(['2 2', '3 1', '4 1']);
    expect(await claimsOf(keeper, queue)).toEqual(['0', '1']);
    again.abort();
    worker.finish();
    await processingAgain;
    await first.ack();
    expect(on.errors).toEqual([]);
  });

  it('has what fails tried again, while others go on', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine(), { maxAttempts: 3 });
    await queue.putAll(numbers(20));
    const controller = new AbortController();
    const counts = new Map<number, number>();
    await queue.process(
      ({ value, attempts }) => {
        counts.set(value, attempts);
        if ([...counts].filter(([one, count]) => one % 5 !== 0 || count === 3).length === 20) controller.abort();
        if (value % 5 === 0 && (value === 20 || attempts < 3)) throw new Error('not now');
      },
      { prefetch: 4, retryDelayMs: () => 1, signal: controller.signal },
    );
    expect([...counts.keys()].sort((one, other) => one - other)).toEqual(numbers(20));
    expect([...counts].filter(([, count]) => count > 1).map(([value, count]) => `${value} ${count}`)).toEqual([
      ...['5 3', '10 3', '15 3', '20 3'],
    ]);
    expect(await queue.size()).toBe(0);
    expect(await queue.deadLetters()).toMatchObject([{ reason: 'gave up after 3 attempts: not now', attempts: 3 }]);
    expect(on.errors).toEqual([]);
  });

  it('needs more than one attempt, and a number in its range', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine(), { maxAttempts: 1 });
    const work = (): void => {};
    await expect(queue.process(work, { prefetch: 1 })).rejects.toThrow(
      new RangeError('Expected `maxAttempts` to be 2 or more where `prefetch` is used, got 1'),
    );
    await expect(queue.process(work, { prefetch: -1 })).rejects.toThrow(RangeError);
    await expect(queue.process(work, { prefetch: 1_001 })).rejects.toThrow(RangeError);
    await expect(queue.process(work, { prefetch: 1.5 })).rejects.toThrow(TypeError);
    await queue.process(work, { prefetch: 0, signal: AbortSignal.abort() });
  });

  it('claims as many as one likes, whatever fits into a frame', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, `${freshLine()}-${'x'.repeat(300)}`);
    for (const part of [0, 400, 800]) await queue.putAll(numbers(400).map((number) => number + part));
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 1_000, signal: controller.signal });
    await untilNames(keeper, `${queue.path}-side/claims`, 1_001);
    await worker.untilSeen(1);
    controller.abort();
    worker.finish();
    await processing;
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    expect(await queue.size()).toBe(1_199);
    expect(on.errors).toEqual([]);
  });

  it('takes two requests an item when nobody else is there', async () => {
    const { keeper, proxy } = await on.proxied();
    const queue = new Queue<number>(await on.keeper(), freshLine());
    // Who comes first makes the directories.
    await queue.put(0);
    await (await queue.take()).ack();
    await queue.putAll(numbers(100));
    const controller = new AbortController();
    let left = 100;
    const sent = await requestsDuring(proxy, async () => {
      await new Queue<number>(keeper, queue.path).process(
        () => {
          left -= 1;
          if (left === 0) controller.abort();
        },
        { prefetch: 10, signal: controller.signal },
      );
    });
    expect(sent).toMatchObject({ multi: 101, getData: 100 });
    expect(await queue.size()).toBe(0);
  });
});

describeOnOwnServers('claiming ahead, and the end of a session', () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it('counts an attempt for what was being worked on, and none for what nobody has seen', async () => {
    const keeper = await on.keeper();
    const other = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    await queue.putAll(numbers(4));
    const controller = new AbortController();
    const worker = new Worker();
    const processing = queue.process(worker.handle, { prefetch: 3, signal: controller.signal });
    await untilNames(other, `${queue.path}-side/claims`, 4);
    await worker.untilSeen(1);
    await expire(keeper, on.server);
    // In the next session, so that it is known here.
    await keeper.sync().forPath('/');
    worker.finish();
    // The next session of the same consumer works them off.
    for (let count = 2; count <= 5; count++) {
      await worker.untilSeen(count);
      if (count === 5) controller.abort();
      worker.finish();
    }
    await processing;
    expect(worker.seen).toEqual(['1 1', '1 2', '2 1', '3 1', '4 1']);
    expect(await queue.size()).toBe(0);
    for (const place of ['claims', 'attempts', 'line']) await untilEmpty(other, `${queue.path}-side/${place}`);
  });
});

describe.each([0, 8])('consumers that do nothing else, with prefetch %i', (prefetch) => {
  describeOnOwnServers('together', () => {
    const server = ownServer();
    const on = stage(() => server().connectString);

    it('work off everything once, and seldom want the same', async () => {
      const items = 400;
      const crowd = await Promise.all(Array.from({ length: 4 }, () => on.proxied()));
      const path = freshLine();
      await new Queue<number>(await on.keeper(), path).putAll(numbers(items));
      const controller = new AbortController();
      const seen: number[] = [];
      const sent = await Promise.all(
        crowd.map(({ keeper, proxy }) =>
          requestsDuring(proxy, () =>
            new Queue<number>(keeper, path).process(
              ({ value }) => {
                seen.push(value);
                if (seen.length === items) controller.abort();
              },
              { prefetch, concurrency: 4, signal: controller.signal },
            ),
          ),
        ),
      );
      expect(seen.sort((one, other) => one - other)).toEqual(numbers(items));
      const multis = sent.reduce((sum, one) => sum + (one['multi'] ?? 0), 0);
      // One to claim an item and one to be done with it at most, and what goes wrong until they stand in line.
      expect(multis / items).toBeLessThan(2.6);
      expect(on.errors).toEqual([]);
    });
  });
});
