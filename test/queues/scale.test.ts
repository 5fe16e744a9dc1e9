import { setMaxListeners } from 'node:events';
import type { Keeper } from '@zk-recipes/core';
import { type Delivery, type ItemSource, Queue, QueueTooLargeError, ShardedQueue } from '@zk-recipes/queues';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it, vi } from 'vitest';
import { untilEmpty, untilNames } from '../stage/lines.js';
import { serverCounters } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const MANY = 100_000;
const AT_ONCE = 500;
const enough = { sessionTimeoutMs: 60_000, maxFrameBytes: 4 * 1024 * 1024 };

describeOnOwnServers('a queue of very many', { timeout: times(120_000, 900_000) }, () => {
  const server = ownServer({ tickTimeMs: 3_000 });
  const on = stage(() => server().connectString);

  it('items: put and consumed with large frames, listed once; with small ones an error names limit and cure', async () => {
    const [producer, keeper, small] = await Promise.all([on.keeper(), on.keeper(enough), on.keeper()]);
    const path = freshLine();
    await fill(new Queue<number>(producer, path), MANY);
    const cramped = new Queue<number>(small, path);
    const sessionId = small.sessionId;
    const errors: unknown[] = [];
    for (const call of [() => cramped.take(), () => cramped.peek(), () => cramped.consume().next()]) {
      errors.push(await call().catch((error: unknown) => error));
    }
    for (const error of errors) {
      expect(error).toBeInstanceOf(QueueTooLargeError);
      expect(String(error)).toMatch(/maxFrameBytes.*ShardedQueue/);
    }
    // Others who use the Keeper are none the worse, and who only puts is not concerned.
    const other = new Queue<string>(small, freshLine());
    await other.put('other');
    expect((await other.take()).value).toBe('other');
    await cramped.put(MANY);
    expect(await cramped.size()).toBe(MANY + 1);
    expect(small.sessionId).toBe(sessionId);

    const lists = vi.spyOn(keeper.zookeeper, 'getChildren');
    const bytesBefore = heapBytes();
    const count = times(4_000, MANY);
    const values = await workOff(new Queue<number>(keeper, path), count);
    // A difference of thousands of lines would take minutes to print.
    expect(values.findIndex((value, index) => value !== index)).toBe(-1);
    // Items, claims and the line; there is no other reason to list anything.
    expect(lists.mock.calls.length).toBeLessThanOrEqual(6);
    // A backlog is kept in memory, by some hundred bytes an item.
    expect(heapBytes() - bytesBefore).toBeLessThan(MANY * 1_000);
    expect(await cramped.size()).toBe(MANY + 1 - count);
    expect(on.errors).toEqual([]);
  });
});

describeOnOwnServers('a queue of very many, in shards', { timeout: 120_000 }, () => {
  const server = ownServer({ tickTimeMs: 3_000 });
  const on = stage(() => server().connectString);

  it('items in shards: the default limit of a frame is enough', async () => {
    const keeper = await on.keeper({ sessionTimeoutMs: 60_000 });
    const path = freshLine();
    const queue = new ShardedQueue<number>(keeper, path, { shards: 8 });
    await fill(queue, MANY);
    expect(await queue.size()).toBe(MANY);
    const lists = vi.spyOn(keeper.zookeeper, 'getChildren');
    const count = times(2_000, MANY);
    expect(new Set(await workOff(queue, count)).size).toBe(count);
    expect(await queue.size()).toBe(MANY - count);
    // Shards, and items and claims of each, and the line.
    expect(lists.mock.calls.length).toBeLessThanOrEqual(2 * (1 + 2 * 8 + 1));
    expect(on.errors).toEqual([]);
  });
});

describeOnOwnServers('a queue of very many consumers', { timeout: times(120_000, 900_000) }, () => {
  const server = ownServer({ tickTimeMs: 3_000 });
  const on = stage(() => server().connectString);

  it('idle consumers: a put wakes few of them, and one is handed the item', async () => {
    const count = 1_000;
    const keepers = await Promise.all(Array.from({ length: 4 }, () => on.keeper({ sessionTimeoutMs: 60_000 })));
    const path = freshLine();
    const giveUp = new AbortController();
    setMaxListeners(0, giveUp.signal);
    const delivered: Delivery<string>[] = [];
    const waiting = Array.from({ length: count }, async (_, index) => {
      const queue = new Queue<string>(keepers[index % 4] as Keeper, path);
      delivered.push(await queue.take({ signal: giveUp.signal }));
    });
    const ended = Promise.allSettled(waiting);
    await untilNames(keepers[0] as Keeper, `${path}-side/line`, count, 60_000);
    const producer = new Queue<string>(await on.keeper(), path);
    await quiet(on.server);
    const before = await serverCounters(on.server);
    await producer.put('one');
    await expect.poll(() => delivered.map(({ value }) => value)).toEqual(['one']);
    await quiet(on.server);
    const after = await serverCounters(on.server);
    console.log(
      `one put: ${after.notices - before.notices} notices, ${after.packetsReceived - before.packetsReceived} requests`,
    );
    // Few have their eyes on the queue, in four sessions at most; the next of those who sleep takes the place of who leaves.
    expect(after.notices - before.notices).toBeLessThanOrEqual(60);
    expect(after.packetsReceived - before.packetsReceived).toBeLessThanOrEqual(60);
    await delivered[0]?.ack();
    giveUp.abort(new Error('enough'));
    await ended;
    expect(delivered).toHaveLength(1);
    await untilEmpty(keepers[0] as Keeper, `${path}-side/line`, 60_000);
    expect(on.errors).toEqual([]);
  });
});

/** Puts numbers from 0, in order: what one process puts at once arrives in order when the directories are there. */
async function fill(queue: { putAll(values: readonly number[]): Promise<void> }, count: number): Promise<void> {
  const put = (first: number): Promise<void> =>
    queue.putAll(Array.from({ length: AT_ONCE }, (_, index) => first + index));
  await put(0);
  for (let first = AT_ONCE; first < count; ) {
    const puts: Promise<void>[] = [];
    for (; first < count && puts.length < 8; first += AT_ONCE) puts.push(put(first));
    await Promise.all(puts);
  }
}

/** Takes and acknowledges so many. */
async function workOff(queue: ItemSource<number>, count: number): Promise<number[]> {
  const values: number[] = [];
  const acks: Promise<void>[] = [];
  for await (const item of queue.consume({ concurrency: 32 })) {
    values.push(item.value);
    acks.push(item.ack());
    if (values.length === count) break;
  }
  await Promise.all(acks);
  return values;
}

/** Resolves when a server has received nothing but pings for a moment. */
async function quiet(server: string): Promise<void> {
  let last = -1;
  await expect
    .poll(
      async () => {
        const { packetsReceived, notices } = await serverCounters(server);
        const sum = packetsReceived + notices;
        const isQuiet = Math.abs(sum - last) <= 4;
        last = sum;
        return isQuiet;
      },
      { interval: 300, timeout: 60_000 },
    )
    .toBe(true);
}

function heapBytes(): number {
  return process.memoryUsage().heapUsed;
}
