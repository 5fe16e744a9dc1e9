import { Keeper, SequenceUsedUpError } from '@zk-recipes/core';
import { DelayQueue, IdQueue, PriorityQueue, Queue, ShardedQueue, SimpleQueue } from '@zk-recipes/queues';
import { TestServer } from '@zk-recipes/test-server';
import { describeOnOwnServers, describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { namesIn } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

/** Ids that no path may have, and others that a path does not have as they are. */
const ids = [
  'a\u0000b',
  'line\nfeed',
  '\u007f',
  'smile 😀',
  '\ud83d',
  '\udc00',
  '\ue000',
  'bad \ufffd',
  '\uffff',
  '%u0041',
];

describeOnSharedServer('ids', () => {
  const on = stage();

  it.each(ids)('may be %j: the item has it, and is found by it', async (id) => {
    const queue = new IdQueue<string>(await on.keeper(), freshLine(), { maxAttempts: 1 });
    await queue.put('first', { id });
    await queue.put('second', { id });
    await queue.put('other', { id: 'another' });
    const delivery = await queue.take();
    expect([delivery.value, delivery.id]).toEqual(['first', id]);
    await delivery.reject();
    expect(await queue.remove(id)).toBe(1);
    const [letter] = await queue.deadLetters();
    if (letter !== undefined) await queue.revive(letter);
    expect(await queue.remove(id)).toBe(1);
    expect(await queue.size()).toBe(1);
  });

  it('may have slashes, which read as Curator writes them', async () => {
    const keeper = await on.keeper();
    const queue = new IdQueue<string>(keeper, freshLine());
    await queue.put('a', { id: 'a/b|c.5' });
    expect(await namesIn(keeper, queue.path)).toEqual(['queue-|a_b_c.5|0000000000']);
    const delivery = await queue.take();
    expect(delivery.id).toBe('a_b_c.5');
    await delivery.reject();
    const [letter] = await queue.deadLetters();
    if (letter !== undefined) await queue.revive(letter);
    expect(await queue.remove('a/b|c.5')).toBe(1);
  });

  it('may not be empty, nor anything but text', async () => {
    const queue = new IdQueue<string>(await on.keeper(), freshLine());
    await expect(queue.put('a', { id: '' })).rejects.toThrow('id');
    await expect(queue.put('a', { id: 5 as unknown as string })).rejects.toThrow('id');
    expect(await queue.size()).toBe(0);
  });
});

/** Number of the last sequential znode of a directory. */
const LAST = 2 ** 31 - 1;

describeOnOwnServers('numbers of items that are used up', () => {
  const path = '/jobs';
  const verbs: Readonly<Record<string, (keeper: Keeper) => Promise<unknown>>> = {
    'put of a Queue': (keeper) => new Queue<string>(keeper, path).put('a'),
    'putAll of a Queue': (keeper) => new Queue<string>(keeper, path).putAll(['a', 'b']),
    'put of a Queue with maxItems': (keeper) => new Queue<string>(keeper, path, { maxItems: 5 }).put('a'),
    'put of a PriorityQueue': (keeper) => new PriorityQueue<string>(keeper, path).put('a', { priority: 3 }),
    'put of a DelayQueue': (keeper) => new DelayQueue<string>(keeper, path).put('a', { at: new Date(1_000) }),
    'put of an IdQueue': (keeper) => new IdQueue<string>(keeper, path).put('a', { id: 'x' }),
    'offer of a SimpleQueue': (keeper) => new SimpleQueue(keeper, path).offer(Buffer.from('a')),
  };
  const shard = `${path}/queue-00000000-0000-4000-8000-000000000000`;

  /** A server on which numbers begin with the last one, with what it takes to put. */
  async function wornOut(directory: string): Promise<{ server: TestServer; keeper: Keeper }> {
    const fresh = await TestServer.start();
    const first = await Keeper.connect({ connectString: fresh.connectString });
    await first.create().creatingParents().forPath(directory);
    await first.close();
    const { znodes, ...rest } = fresh.snapshot();
    await fresh.stop();
    const worn = znodes.map((znode) => (znode.path === directory ? { ...znode, creations: LAST } : znode));
    const server = await TestServer.start({ snapshot: { ...rest, znodes: worn } });
    return { server, keeper: await Keeper.connect({ connectString: server.connectString }) };
  }

  describe.each(Object.keys(verbs))('%s says so by name', (verb) => {
    it.each(['go on with negative ones', 'stay at the last one'])('where servers %s', async (how) => {
      const { server, keeper } = await wornOut(path);
      try {
        const put = verbs[verb] as (keeper: Keeper) => Promise<unknown>;
        // The first one takes the last number.
        if (verb !== 'putAll of a Queue') await put(keeper);
        const before = await namesIn(keeper, path);
        let worn = { server, keeper };
        if (how === 'stay at the last one') {
          await keeper.close();
          worn = await restarted(server, path);
        }
        await expect(put(worn.keeper)).rejects.toThrow(SequenceUsedUpError);
        expect(await namesIn(worn.keeper, path)).toEqual(before);
        await worn.keeper.close();
        await worn.server.stop();
      } finally {
        await keeper.close();
        await server.stop();
      }
    });
  });

  it('put of a ShardedQueue names the shard', async () => {
    const { server, keeper } = await wornOut(shard);
    const queue = new ShardedQueue<string>(keeper, path, { shards: 1 });
    await queue.put('a');
    await expect(queue.put('b')).rejects.toMatchObject({ code: 'ZK_SEQUENCE_USED_UP', path: shard });
    expect(await queue.size()).toBe(1);
    await keeper.close();
    await server.stop();
  });

  /** The same server with its numbers at the last one again, as real ones keep it. */
  async function restarted(server: TestServer, directory: string): Promise<{ server: TestServer; keeper: Keeper }> {
    const { znodes, ...rest } = server.snapshot();
    const worn = znodes.map((znode) => (znode.path === directory ? { ...znode, creations: LAST } : znode));
    const again = await TestServer.start({ snapshot: { ...rest, znodes: worn } });
    return { server: again, keeper: await Keeper.connect({ connectString: again.connectString }) };
  }
});
