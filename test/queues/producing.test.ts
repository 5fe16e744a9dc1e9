import { ConnectionLossError, type Keeper, NoChildrenForEphemeralsError } from '@zk-recipes/core';
import { bytesCodec, DelayQueue, IdQueue, jsonCodec, PriorityQueue, Queue, ShardedQueue } from '@zk-recipes/queues';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine, stage, untilState } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('producing', () => {
  const on = stage();

  it('names and frames items as Curator does, in a queue that stays', async () => {
    const keeper = await on.keeper();
    const codec = bytesCodec;
    const path = freshLine();
    await new Queue(keeper, `${path}/a`, { codec }).put(Buffer.from('AB'));
    expect(await namesIn(keeper, `${path}/a`)).toEqual(['queue-0000000000']);
    const data = await keeper.getData().forPath(`${path}/a/queue-0000000000`);
    expect(data?.toString('hex')).toBe('000100010100000002414202');
    const priorities = new PriorityQueue(keeper, `${path}/b`, { codec });
    for (const priority of [5, -1, 2 ** 31 - 1, -(2 ** 31)]) await priorities.put(Buffer.of(), { priority });
    expect((await namesIn(keeper, `${path}/b`)).sort()).toEqual([
      'queue-0800000000000000003',
      'queue-0FFFFFFFF0000000001',
      'queue-1000000050000000000',
      'queue-17FFFFFFF0000000002',
    ]);
    await new DelayQueue(keeper, `${path}/c`, { codec }).put(Buffer.of(), { at: new Date(1_700_000_000_000) });
    expect(await namesIn(keeper, `${path}/c`)).toEqual(['queue-|18BCFE56800|0000000000']);
    await new IdQueue(keeper, `${path}/d`, { codec }).put(Buffer.of(), { id: 'a/b|c' });
    expect(await namesIn(keeper, `${path}/d`)).toEqual(['queue-|a_b_c|0000000000']);
    for (const kind of ['a', 'b', 'c', 'd']) await untilEmpty(keeper, `${path}/${kind}-side/markers`);
  });

  it('removes items by id, but none that is being worked on', async () => {
    const queue = new IdQueue<number>(await on.keeper(), freshLine());
    await queue.putAll([1, 2], { id: 'x|y' });
    await queue.put(3, { id: 'z' });
    const delivery = await queue.take();
    expect(await queue.remove('x/y')).toBe(1);
    expect(await queue.remove('x/y')).toBe(0);
    await delivery.retry();
    expect(await queue.remove('x|y')).toBe(1);
    const [last] = [await queue.take()];
    expect([last.value, last.id]).toEqual([3, 'z']);
    await last.ack();
    expect(await queue.remove('z')).toBe(0);
  });

  it('puts all of several items, or none', async () => {
    const queue = new Queue<unknown>(await on.keeper(), freshLine());
    await expect(queue.putAll([1, undefined])).rejects.toThrow(
      'Expected the value to be what JSON can hold, got undefined',
    );
    expect(await queue.size()).toBe(0);
    await queue.putAll([]);
    expect(await queue.size()).toBe(0);
  });

  describe('where there is room for so many', () => {
    it('waits until an item is done, in the order of who came', async () => {
      const path = freshLine();
      const options = { maxItems: 2 };
      const consumer = new Queue<string>(await on.keeper(), path, options);
      await consumer.putAll(['a', 'b']);
      await expect(consumer.putAll(['x', 'y', 'z'])).rejects.toThrow(
        'Expected at most `maxItems`, 2, items at once, got 3',
      );
      const puts: Promise<void>[] = [];
      for (const [index, value] of ['c', 'd', 'e'].entries()) {
        const keeper = await on.keeper();
        puts.push(new Queue<string>(keeper, path, options).put(value));
        await untilNames(keeper, `${path}-side/producers`, index + 1);
      }
      const seen: string[] = [];
      for await (const delivery of consumer.consume()) {
        expect(await consumer.size()).toBeLessThanOrEqual(2);
        seen.push(delivery.value);
        await delivery.ack();
        if (seen.length === 5) break;
      }
      await Promise.all(puts);
      expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    });

    it('never holds more, with many producers', async () => {
      const path = freshLine();
      const keepers = await Promise.all([1, 2, 3].map(() => on.keeper()));
      const queues = keepers.map((keeper) => new Queue<number>(keeper, path, { maxItems: 3 }));
      const puts = queues.flatMap((queue, index) => [1, 2, 3, 4, 5].map((number) => queue.put(10 * index + number)));
      let count = 0;
      for await (const delivery of new Queue<number>(await on.keeper(), path).consume()) {
        count += 1;
        expect((await namesIn(keepers[0] as Keeper, path)).length).toBeLessThanOrEqual(3);
        await delivery.ack();
        if (count === puts.length) break;
      }
      await Promise.all(puts);
      expect(await queues[0]?.size()).toBe(0);
    });

    it('who gives up leaves the line', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine(), { maxItems: 1 });
      await queue.put('a');
      const controller = new AbortController();
      const waiting = queue.put('b', { signal: controller.signal });
      await untilNames(keeper, `${queue.path}-side/producers`, 1);
      expect(await isSettled(waiting)).toBe(false);
      controller.abort('enough');
      await expect(waiting).rejects.toBe('enough');
      await untilEmpty(keeper, `${queue.path}-side/producers`);
      expect(await queue.size()).toBe(1);
    });

    it('goes on waiting in the next session', async () => {
      const path = freshLine();
      const doomed = await on.keeper();
      const queue = new Queue<string>(doomed, path, { maxItems: 1 });
      await queue.put('a');
      const waiting = queue.put('b');
      await untilNames(doomed, `${path}-side/producers`, 1);
      const lost = untilState(doomed, 'LOST');
      await expire(doomed, on.server);
      await lost;
      const observer = new Queue<string>(await on.keeper(), path);
      await (await observer.take()).ack();
      await waiting;
      expect(await observer.peek()).toBe('b');
    });
  });

  it('a put whose reply is lost is done once', async () => {
    const { keeper, proxy } = await on.proxied();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('before');
    for (const lose of [
      () => proxy.loseReplyOnce({ op: wire.multi }),
      () => proxy.loseRequestOnce({ op: wire.multi }),
    ]) {
      const lost = lose();
      await queue.put('job');
      await lost;
    }
    expect(await queue.size()).toBe(3);
    await untilEmpty(keeper, `${queue.path}-side/markers`);
  });

  it('a put in a session that ended before the answer came says that nobody knows', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('before');
    await untilEmpty(observer, `${queue.path}-side/markers`);
    proxy.blackhole({ direction: 'to-client' });
    const putting = queue.put('job');
    const outcome = expect(putting).rejects.toMatchObject({ outcome: 'unknown' });
    await untilNames(observer, queue.path, 2);
    const { zookeeper } = keeper;
    await expire({ zookeeper } as Keeper, on.server);
    proxy.cut();
    proxy.heal();
    await outcome;
    await expect(putting).rejects.toBeInstanceOf(ConnectionLossError);
  });

  it('spreads items over shards, by load', async () => {
    const keeper = await on.keeper();
    const queue = new ShardedQueue<number>(keeper, freshLine(), { shards: 4 });
    await Promise.all(Array.from({ length: 200 }, (_, index) => queue.put(index)));
    const shards = await namesIn(keeper, queue.path);
    expect(shards).toHaveLength(4);
    const sizes = await Promise.all(
      shards.map(async (name) => (await namesIn(keeper, `${queue.path}/${name}`)).length),
    );
    expect(Math.min(...sizes)).toBeGreaterThan(10);
    expect(await queue.size()).toBe(200);
    const seen = new Set<number>();
    for await (const delivery of queue.consume({ concurrency: 4 })) {
      seen.add(delivery.value);
      void delivery.ack();
      if (seen.size === 200) break;
    }
    await untilEmpty(keeper, `${queue.path}/${shards[0]}`);
    expect(seen.size).toBe(200);
  });

  it('rejects a put where an ephemeral has the path of the queue, or of its markers', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const [queue, marked] = [new Queue(keeper, freshLine()), new Queue(keeper, freshLine())];
    await other.create().withMode('EPHEMERAL').forPath(queue.path);
    await other.create().creatingParents().withMode('EPHEMERAL').forPath(`${marked.path}-side/markers`);
    for (const one of [queue, marked]) await expect(one.put('item')).rejects.toThrow(NoChildrenForEphemeralsError);
    expect(await marked.size()).toBe(0);
  });

  it('wrong arguments are named', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    expect(() => new Queue(keeper, 'jobs')).toThrow(TypeError);
    expect(() => new Queue({} as Keeper, path)).toThrow('Expected `keeper` to be a Keeper');
    expect(() => new Queue(keeper, path, { maxAttempts: 0 })).toThrow(/option `maxAttempts` of Queue/);
    expect(() => new Queue(keeper, path, { codec: {} as never })).toThrow(/option `codec` of Queue.*encode.*decode/);
    expect(() => new Queue(keeper, path, { lockPath: 'x' })).toThrow(/option `lockPath` of Queue/);
    expect(() => new Queue(keeper, path, { color: 'red' } as never)).toThrow('Unknown option `color` of Queue');
    expect(() => new ShardedQueue(keeper, path, { shards: 0 })).toThrow(RangeError);
    expect(() => jsonCodec({} as never)).toThrow('Expected `schema` to be a Standard Schema');
    const queue = new PriorityQueue<number>(keeper, path);
    await expect(queue.put(1, { priority: 2 ** 31 })).rejects.toThrow(RangeError);
    await expect(new DelayQueue(keeper, path).put(1, { delayMs: 1, at: new Date() })).rejects.toThrow(/not both/);
    await expect(new IdQueue(keeper, path).put(1, {} as never)).rejects.toThrow(/option `id`/);
    await expect(new IdQueue(keeper, path).remove('')).rejects.toThrow(RangeError);
    expect(() => queue.consume({ concurrency: 0 })).toThrow(RangeError);
    await expect(queue.process('x' as never)).rejects.toThrow('Expected `handler` to be a function');
    expect(await namesIn(keeper, path)).toEqual([]);
  });
});
