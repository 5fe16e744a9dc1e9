import type { Keeper } from '@zk-recipes/core';
import {
  bytesCodec,
  DelayQueue,
  type Delivery,
  IdQueue,
  type ItemSource,
  PriorityQueue,
  Queue,
  ShardedQueue,
  textCodec,
} from '@zk-recipes/queues';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesIn, untilEmpty } from '../stage/lines.js';
import { QueueProcess } from '../stage/queue-process.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { type ForeignQueueOptions, QueuePeer } from './queue-peer.js';

const sessionTimeoutMs = 2_000;
const codec = textCodec;
const MAX = 2 ** 31 - 1;
const MIN = -(2 ** 31);

describe.skipIf(whyNoJavaPeers !== null)('Queues with Curator’s', () => {
  describeOnOwnServers('at one path', { timeout: 60_000 }, () => {
    const server = ownServer({ tickTimeMs: 250 });
    const on = stage(() => server().connectString);
    let java: QueuePeer;
    beforeAll(async () => {
      if (whyNoJavaPeers === null) java = await QueuePeer.start(on.server, sessionTimeoutMs);
    });
    afterAll(async () => await java?.kill());

    const keeper = (): Promise<Keeper> => on.keeper({ sessionTimeoutMs });
    const theirs = (options: Partial<ForeignQueueOptions> & { path: string }) =>
      java.open({ kind: 'plain', ...options });

    it('znodes are the same, byte by byte', async () => {
      const own = await keeper();
      const [path, other] = [freshLine(), freshLine()];
      const at = 1_900_000_000_000;
      const kinds = ['plain', 'priority', 'delay', 'id'] as const;
      for (const kind of kinds) {
        const queue = await theirs({ kind, path: `${path}-${kind}` });
        await queue.put(['ü'], { plain: undefined, priority: -7, delay: at, id: 'a/b|c' }[kind]);
        await queue.close();
      }
      await new Queue(own, `${other}-plain`, { codec }).put('ü');
      await new PriorityQueue(own, `${other}-priority`, { codec }).put('ü', { priority: -7 });
      await new DelayQueue(own, `${other}-delay`, { codec }).put('ü', { at: new Date(at) });
      await new IdQueue(own, `${other}-id`, { codec }).put('ü', { id: 'a/b|c' });
      for (const kind of kinds) {
        const [ours, alien] = await Promise.all([all(own, `${other}-${kind}`), all(own, `${path}-${kind}`)]);
        expect(ours).toEqual(alien);
        // Containers are made with another request, which a stat does not tell: they have their own owner.
        const [mine, its] = await Promise.all(
          [`${other}-${kind}`, `${path}-${kind}`].map((one) => own.exists().forPath(one)),
        );
        expect(mine?.ephemeralOwner).toBe(its?.ephemeralOwner);
      }
      expect(Object.keys(await all(own, `${other}-plain`))).toEqual(['queue-0000000000']);
      expect(Object.keys(await all(own, `${other}-priority`))).toEqual(['queue-0FFFFFFF90000000000']);
    });

    it('items of Curator are handed out here: several of one znode in order, each settled by itself', async () => {
      const own = await keeper();
      const path = freshLine();
      const producer = await theirs({ path });
      await producer.put(['one']);
      await producer.put(['two', 'three', '', 'five']);
      await producer.put(['six']);
      const queue = new Queue(own, path, { codec });
      const first = await takeSome(queue, 2);
      expect(first.map(({ value }) => value)).toEqual(['one', 'two']);
      await first[1]?.retry({ reason: 'later' });
      await first[0]?.ack();
      const rest = await takeSome(queue, 5);
      expect(rest.map(({ value, attempts }) => [value, attempts])).toEqual([
        ['two', 2],
        ['three', 1],
        ['', 1],
        ['five', 1],
        ['six', 1],
      ]);
      for (const item of rest) await item.ack();
      await untilEmpty(own, path);
    });

    it.each(['priority', 'delay', 'id', 'sharded'] as const)(
      '%s: what Curator puts is handed out here',
      async (kind) => {
        const own = await keeper();
        const path = freshLine();
        const producer = await theirs({ kind, path });
        const soon = Date.now() + 500;
        const puts = {
          priority: [
            [['c', 'd'], 0],
            [['e'], MAX],
            [['b'], -1],
            [['a'], MIN],
          ],
          delay: [
            [['b', 'c'], soon],
            [['d'], soon + 1],
            [['a'], 1],
          ],
          id: [
            [['a'], 'x/y'],
            [['b'], 'z'],
            [['c'], 'u|v'],
          ],
          sharded: [[['a', 'b', 'c'], undefined]],
        }[kind] as [string[], number | string | undefined][];
        for (const [values, key] of puts) await producer.put(values, key);
        const queue = ourQueue(kind, own, path);
        const expected = puts.flatMap(([values]) => values).sort();
        const items = await takeSome(queue, expected.length);
        expect(items.map(({ value }) => value)).toEqual(expected);
        if (kind === 'delay') expect(Date.now()).toBeGreaterThanOrEqual(soon);
        if (kind === 'priority') expect(items.map(({ priority }) => priority)).toEqual([MIN, -1, 0, 0, MAX]);
        if (kind === 'id') expect(items.map(({ id }) => id)).toEqual(['x_y', 'z', 'u_v']);
        for (const item of items) await item.ack();
        expect(await queue.size()).toBe(0);
      },
    );

    it('what is put here is handed out by Curator, in the order of its kind', async () => {
      const own = await keeper();
      const path = freshLine();
      await new Queue(own, `${path}-plain`, { codec }).putAll(['a', 'b', 'c']);
      const byPriority = new PriorityQueue<string>(own, `${path}-priority`, { codec });
      for (const [value, priority] of [
        ['c', 0],
        ['d', MAX],
        ['b', -1],
        ['a', MIN],
      ] as const) {
        await byPriority.put(value, { priority });
      }
      const delayed = new DelayQueue<string>(own, `${path}-delay`, { codec });
      const dueAtMs = Date.now() + 800;
      await delayed.put('b', { at: new Date(dueAtMs) });
      await delayed.put('a', { at: new Date(1) });
      const withIds = new IdQueue<string>(own, `${path}-id`, { codec });
      for (const [value, id] of [
        ['a', 'x/y'],
        ['-', 'gone'],
        ['b', 'u|v'],
      ] as const)
        await withIds.put(value, { id });
      const remover = await theirs({ kind: 'id', path: `${path}-id` });
      expect(await remover.remove('gone')).toBe(1);
      const manner = 'work';
      for (const [kind, expected] of [
        ['plain', 'abc'],
        ['priority', 'abcd'],
        ['delay', 'ab'],
        ['id', 'ab'],
      ] as const) {
        const consumer = await theirs({ kind, path: `${path}-${kind}`, manner });
        await expect.poll(() => consumer.consumed.join(''), { timeout: 10_000 }).toBe(expected);
        if (kind === 'delay') expect(Date.now()).toBeGreaterThanOrEqual(dueAtMs);
        await untilEmpty(own, `${path}-${kind}`);
        await consumer.close();
      }
    });

    it('shards: Curator’s sharder finds ours, and empties them', async () => {
      const own = await keeper();
      const path = freshLine();
      const queue = new ShardedQueue<string>(own, path, { codec, shards: 3 });
      for (let index = 0; index < 12; index++) await queue.put(`${index}`);
      const sharder = await theirs({ kind: 'sharded', path, manner: 'work' });
      await expect.poll(() => sharder.consumed.length, { timeout: 10_000 }).toBe(12);
      expect(new Set(sharder.consumed).size).toBe(12);
      await expect.poll(() => queue.size()).toBe(0);
      await sharder.close();
    });

    it('removal by id: what Curator put under an id with a slash is found here', async () => {
      const own = await keeper();
      const path = freshLine();
      const producer = await theirs({ kind: 'id', path });
      await producer.put(['a'], 'x/y');
      expect(await producer.remove('x/y')).toBe(0);
      expect(await new IdQueue(own, path, { codec }).remove('x/y')).toBe(1);
      await untilEmpty(own, path);
    });

    it('both consume one queue with one lock path: each item is worked on once', async () => {
      const own = await keeper();
      const path = freshLine();
      const lockPath = `${path}-locks`;
      const count = times(400, 5_000);
      const queue = new Queue<string>(own, path, { codec, lockPath });
      const ending = new AbortController();
      const consumed: string[] = [];
      const work = queue.process(({ value }) => void consumed.push(value), { signal: ending.signal, concurrency: 2 });
      const other = new Queue<string>(await keeper(), path, { codec, lockPath });
      const otherWork = other.process(({ value }) => void consumed.push(value), { signal: ending.signal });
      const consumer = await theirs({ path, lockPath, manner: 'work' });
      for (let index = 0; index < count; index += 20) {
        await queue.putAll(Array.from({ length: 20 }, (_, one) => `item ${index + one}`));
      }
      await untilEmpty(own, path, 40_000);
      ending.abort();
      await Promise.all([work, otherWork]);
      await expect.poll(() => consumed.length + consumer.consumed.length).toBe(count);
      expect(new Set([...consumed, ...consumer.consumed]).size).toBe(count);
      expect(consumer.consumed.length).toBeGreaterThan(0);
      expect(consumed.length).toBeGreaterThan(0);
      await untilEmpty(own, lockPath);
      await untilEmpty(own, `${path}-side/attempts`);
      expect(on.errors).toEqual([]);
      await consumer.close();
    });

    it('a consumer of Curator killed at its work: the item is handed out here', async () => {
      const own = await keeper();
      const path = freshLine();
      const lockPath = `${path}-side/claims`;
      const killed = await QueuePeer.start(on.server, sessionTimeoutMs);
      on.afterwards(() => killed.kill());
      const hanging = await killed.open({ kind: 'plain', path, lockPath, manner: 'hang' });
      const queue = new Queue<string>(own, path, { codec });
      await queue.put('a');
      await expect.poll(() => hanging.consumed, { timeout: 10_000 }).toEqual(['a']);
      let isTaken = false;
      const taking = queue.take().then((item) => {
        isTaken = true;
        return item;
      });
      await expect.poll(async () => (await namesIn(own, `${path}-side/line`)).length).toBe(1);
      expect(isTaken).toBe(false);
      await killed.kill();
      const item = await taking;
      expect(item.value).toBe('a');
      await item.ack();
      await untilEmpty(own, path);
    });

    it('one of ours whose session ends at its work: Curator is handed the item', async () => {
      const [own, dying] = [await keeper(), await keeper()];
      const path = freshLine();
      const queue = new Queue<string>(dying, path, { codec });
      await queue.put('a');
      const item = await queue.take();
      const consumer = await theirs({ path, lockPath: `${path}-side/claims`, manner: 'work' });
      await consumer.put(['b']);
      await expect.poll(() => consumer.consumed, { timeout: 10_000 }).toEqual(['b']);
      await expire(dying, on.server);
      await expect.poll(() => item.state).toBe('lost');
      // Curator looks again when the children of the queue change; nothing tells it that a lock is gone.
      await consumer.put(['c']);
      await expect.poll(() => [...consumer.consumed].sort(), { timeout: 10_000 }).toEqual(['a', 'b', 'c']);
      await untilEmpty(own, path);
      await consumer.close();
    });

    it('a process of ours killed at its work: Curator is handed the item', async () => {
      const own = await keeper();
      const path = freshLine();
      const lockPath = `${path}-side/claims`;
      const killed = await QueueProcess.start(on.server, path, sessionTimeoutMs, 'queue');
      on.afterwards(() => killed.kill());
      await new Queue<string>(own, path, { codec }).put('a');
      await killed.receive({ event: 'taken', value: 'a' });
      const consumer = await theirs({ path, lockPath, manner: 'work' });
      await consumer.put(['b']);
      await expect.poll(() => consumer.consumed, { timeout: 10_000 }).toEqual(['b']);
      await killed.kill();
      await untilEmpty(own, lockPath);
      // Curator looks again when the children of the queue change; nothing tells it that a lock is gone.
      await consumer.put(['c']);
      await expect.poll(() => [...consumer.consumed].sort(), { timeout: 10_000 }).toEqual(['a', 'b', 'c']);
      await untilEmpty(own, path);
      await consumer.close();
    });

    it('what is given back here keeps its name, and Curator consumes it', async () => {
      const own = await keeper();
      const path = freshLine();
      const queue = new PriorityQueue<string>(own, path, { codec });
      await queue.put('a', { priority: -3 });
      const before = await all(own, path);
      const item = await queue.take();
      await item.retry({ reason: 'busy' });
      expect(await all(own, path)).toEqual(before);
      const consumer = await theirs({ kind: 'priority', path, lockPath: `${path}-side/claims`, manner: 'work' });
      await expect.poll(() => consumer.consumed, { timeout: 10_000 }).toEqual(['a']);
      await untilEmpty(own, path);
      await consumer.close();
    });

    it('what Curator requeues after an exception has lost its priority, and is handed out here', async () => {
      const own = await keeper();
      const path = freshLine();
      const lockPath = `${path}-side/claims`;
      const queue = new PriorityQueue<string>(own, path, { codec });
      await queue.put('a', { priority: 9 });
      const [before] = Object.entries(await all(own, path));
      const throwing = await QueuePeer.start(on.server, sessionTimeoutMs);
      on.afterwards(() => throwing.kill());
      const consumer = await throwing.open({ kind: 'priority', path, lockPath, manner: 'throw' });
      await expect.poll(() => consumer.consumed, { timeout: 10_000 }).toEqual(['a', 'a']);
      // Only a number follows then, and as a name that is before all priorities from 0.
      expect(await all(own, path)).toEqual({ 'queue-0000000001': before?.[1] });
      await queue.put('b', { priority: 0 });
      await throwing.kill();
      await untilEmpty(own, lockPath);
      const items = await takeSome(queue, 2);
      expect(items.map(({ value, priority }) => [value, priority])).toEqual([
        ['a', 0],
        ['b', 0],
      ]);
    });

    it('bytes that are no item become a dead letter here; Curator drops them', async () => {
      const own = await keeper();
      const path = freshLine();
      const queue = new Queue<Uint8Array>(own, path, { codec: bytesCodec });
      await queue.put(Buffer.from('good'));
      const corrupt = Buffer.from('no framing');
      await own.create().withMode('PERSISTENT_SEQUENTIAL').forPath(`${path}/queue-`, corrupt);
      await queue.put(Buffer.from('good too'));
      const items = await takeSome(queue, 2);
      expect(items.map(({ value }) => String(value))).toEqual(['good', 'good too']);
      const [letter, ...others] = await queue.deadLetters();
      expect(others).toEqual([]);
      expect(letter?.data).toEqual(corrupt);
      expect(letter?.reason).toContain('not framed as an item');
      for (const item of items) await item.ack();
      await own.create().withMode('PERSISTENT_SEQUENTIAL').forPath(`${path}/queue-`, corrupt);
      const consumer = await theirs({ path, manner: 'work' });
      await untilEmpty(own, path);
      expect(consumer.consumed).toEqual([]);
      await consumer.close();
    });
  });
});

function ourQueue(kind: 'priority' | 'delay' | 'id' | 'sharded', keeper: Keeper, path: string): ItemSource<string> {
  const Kind = { priority: PriorityQueue, delay: DelayQueue, id: IdQueue, sharded: ShardedQueue }[kind];
  return new Kind<string>(keeper, path, { codec });
}

async function takeSome<T>(queue: ItemSource<T>, count: number): Promise<Delivery<T>[]> {
  const items: Delivery<T>[] = [];
  for (let index = 0; index < count; index++) items.push(await queue.take());
  return items;
}

/** What the znodes of a directory hold, by their names. */
async function all(keeper: Keeper, path: string): Promise<Record<string, string>> {
  const names = (await namesIn(keeper, path)).sort();
  const entries = names.map(async (name) => {
    const data = await keeper.getData().forPath(`${path}/${name}`);
    return [name, data?.toString('hex') ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
