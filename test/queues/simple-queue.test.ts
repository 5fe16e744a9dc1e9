import type { Keeper } from '@zk-recipes/core';
import { SimpleQueue } from '@zk-recipes/queues';
import { describeOnOwnServers, describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { serverCounters, untilUnwatched } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { requestsDuring, wire } from '../stage/wire.js';

describeOnSharedServer('SimpleQueue', () => {
  const on = stage();

  it('gives out what was put in, first in, first out, byte by byte', async () => {
    const keeper = await on.keeper();
    const queue = new SimpleQueue(keeper, freshLine());
    expect([await queue.poll(), await queue.peek(), await queue.size()]).toEqual([null, null, 0]);
    for (const text of ['a', '', 'c']) await queue.offer(Buffer.from(text));
    await keeper.create().forPath(`${queue.path}/foreign`, 'left alone');
    expect((await namesIn(keeper, queue.path)).sort()).toEqual([
      'foreign',
      'qn-0000000000',
      'qn-0000000001',
      'qn-0000000002',
    ]);
    expect((await queue.peek())?.toString()).toBe('a');
    expect(await queue.size()).toBe(4);
    expect((await queue.poll())?.toString()).toBe('a');
    expect((await queue.take()).toString()).toBe('');
    await queue.offer(Buffer.from('d'));
    expect((await queue.poll())?.toString()).toBe('c');
    expect((await queue.poll())?.toString()).toBe('d');
    expect(await queue.poll()).toBeNull();
    expect(await namesIn(keeper, queue.path)).toEqual(['foreign']);
    for (const place of ['markers', 'takers']) await untilEmpty(keeper, `${queue.path}-side/${place}`);
    await untilUnwatched(on.server, queue.path);
    await expect(queue.offer('text' as never)).rejects.toThrow(
      'Expected `data` of offer of SimpleQueue to be a Uint8Array, got a string',
    );
    expect(() => new SimpleQueue(keeper, 'x')).toThrow(TypeError);
    expect(on.errors).toEqual([]);
  });

  it('serves those who wait in the order of their coming, also when the queue itself is gone meanwhile', async () => {
    const path = freshLine();
    const keepers = await Promise.all([1, 2, 3].map(() => on.keeper()));
    const observer = await on.keeper();
    const taking: Promise<Buffer>[] = [];
    for (const [index, keeper] of keepers.entries()) {
      taking.push(new SimpleQueue(keeper, path).take());
      await untilNames(observer, `${path}-side/takers`, index + 1);
    }
    const queue = new SimpleQueue(observer, path);
    await queue.offer(Buffer.from('0'));
    expect((await taking[0])?.toString()).toBe('0');
    await untilNames(observer, `${path}-side/takers`, 2);
    await observer.delete().quietly().forPath(path);
    expect(await isSettled(Promise.race(taking.slice(1)))).toBe(false);
    await queue.offer(Buffer.from('1'));
    await queue.offer(Buffer.from('2'));
    expect((await Promise.all(taking)).map(String)).toEqual(['0', '1', '2']);
    await untilEmpty(observer, `${path}-side/takers`);
  });

  it('lets who gives up leave, and who lost its session go on', async () => {
    const path = freshLine();
    const [first, second, observer] = (await Promise.all([1, 2, 3].map(() => on.keeper()))) as [Keeper, Keeper, Keeper];
    const controller = new AbortController();
    const given = new SimpleQueue(first, path).take({ signal: controller.signal });
    await untilNames(observer, `${path}-side/takers`, 1);
    const taking = new SimpleQueue(second, path).take();
    await untilNames(observer, `${path}-side/takers`, 2);
    controller.abort('enough');
    await expect(given).rejects.toBe('enough');
    await untilNames(observer, `${path}-side/takers`, 1);
    await expire(second, on.server);
    await untilNames(observer, `${path}-side/takers`, 0);
    await untilNames(observer, `${path}-side/takers`, 1);
    await new SimpleQueue(observer, path).offer(Buffer.from('a'));
    expect((await taking).toString()).toBe('a');
    await untilUnwatched(on.server, path);
  });

  it('lets several take without ever giving one thing to two', async () => {
    const path = freshLine();
    const keepers = await Promise.all([1, 2, 3, 4].map(() => on.keeper()));
    const [first] = keepers as [Keeper];
    for (let index = 0; index < 100; index++) await new SimpleQueue(first, path).offer(Buffer.from(`${index}`));
    const taken: string[] = [];
    const drain = async (keeper: Keeper): Promise<void> => {
      const queue = new SimpleQueue(keeper, path);
      for (let data = await queue.poll(); data !== null; data = await queue.poll()) taken.push(data.toString());
    };
    await Promise.all(keepers.map(drain));
    expect(taken.toSorted((one, other) => Number(one) - Number(other))).toEqual(
      Array.from({ length: 100 }, (_, index) => `${index}`),
    );
  });

  it('does nothing twice, and loses nothing, when a reply is lost', async () => {
    const { keeper, proxy } = await on.proxied();
    const queue = new SimpleQueue(keeper, freshLine());
    await queue.offer(Buffer.from('a'));
    const lost = proxy.loseReplyOnce({ op: wire.multi });
    await queue.offer(Buffer.from('b'));
    await lost;
    expect(await queue.size()).toBe(2);
    const lostAgain = proxy.loseReplyOnce({ op: wire.multi });
    expect((await queue.poll())?.toString()).toBe('a');
    await lostAgain;
    expect((await queue.poll())?.toString()).toBe('b');
    expect(await queue.poll()).toBeNull();
  });

  it('does not list the queue for every item', async () => {
    const { keeper, proxy } = await on.proxied();
    const queue = new SimpleQueue(keeper, freshLine());
    for (let index = 0; index < 20; index++) await queue.offer(Buffer.from(`${index}`));
    const drain = async (): Promise<void> => {
      for (let index = 0; index < 20; index++) expect((await queue.poll())?.toString()).toBe(`${index}`);
    };
    const sent = await requestsDuring(proxy, drain);
    expect(sent).toMatchObject({ getChildren2: 1, getData: 20 });
  });
});

describeOnOwnServers('1,000 takers', { timeout: 60_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it('row 13: an item wakes one of them, and who is next', async () => {
    const path = freshLine();
    const keeper = await on.keeper({ sessionTimeoutMs: 30_000 });
    const observer = await on.keeper();
    const queue = new SimpleQueue(keeper, path);
    let taken = 0;
    const taking = Array.from({ length: 1_000 }, () =>
      queue.take().then(
        () => taken++,
        (error: unknown) => error,
      ),
    );
    await untilNames(observer, `${path}-side/takers`, 1_000, 30_000);
    await keeper.sync().forPath(path);
    await new SimpleQueue(observer, path).offer(Buffer.from('first'));
    await expect.poll(() => taken).toBe(1);
    await keeper.sync().forPath(path);
    const before = await serverCounters(on.server);
    await new SimpleQueue(observer, path).offer(Buffer.from('second'));
    await expect.poll(() => taken).toBe(2);
    await untilNames(observer, `${path}-side/takers`, 998);
    const { notices } = await serverCounters(on.server);
    expect(notices - before.notices).toBeLessThanOrEqual(6);
    await keeper.close();
    await Promise.all(taking);
  });
});
