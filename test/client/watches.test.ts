import { startStandalone, TcpProxy, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NoWatcherError, type ZooKeeper } from 'zookeeper-ts-client';
import { Clients, Events, seededRandom, untilReconnected } from './clients.js';

describeOnOwnServers('watches on a server', () => {
  let server: ZooKeeperServer;
  let proxy: TcpProxy;
  let clients: Clients;
  let zk: ZooKeeper;
  let other: ZooKeeper;
  let path: string;
  let events: Events;
  let count = 0;

  beforeAll(async () => {
    server = await startStandalone();
    proxy = await TcpProxy.inFrontOf(server.connectString);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    clients = new Clients();
    zk = await clients.connect(proxy.connectString);
    other = await clients.connect(server.connectString);
    path = `/w${++count}`;
    events = new Events();
  });
  afterEach(() => clients[Symbol.asyncDispose]());

  /** Watches that the server has, of all clients. */
  const watchesOnServer = async (): Promise<number> =>
    Number(/zk_watch_count\s(\d+)/.exec(await server.command('mntr'))?.[1]);
  const untilNone = (): Promise<true> =>
    until(async () => (await watchesOnServer()) === 0 || undefined, { what: 'the server to have no watch left' });

  describe('of one shot', () => {
    it('fire once, each for its own changes', async () => {
      const { watch } = events;
      await zk.exists(path, { watch });
      await other.create(path);
      await events.until(1);
      await zk.getData(path, { watch });
      await zk.getChildren(path, { watch });
      await other.create(`${path}/a`);
      await events.until(2);
      await other.setData(path, '1');
      await other.setData(path, '2');
      await events.until(3);
      await zk.exists(path, { watch });
      await zk.getChildren(path, { watch });
      await other.delete(`${path}/a`);
      await other.delete(path);
      await zk.sync('/');
      expect(events.words).toEqual([
        `NodeCreated ${path}`,
        `NodeChildrenChanged ${path}`,
        `NodeDataChanged ${path}`,
        `NodeChildrenChanged ${path}`,
        `NodeDeleted ${path}`,
      ]);
      await untilNone();
    });

    it('come before the reply to one’s own write', async () => {
      await zk.create(path);
      const order: string[] = [];
      await zk.getData(path, { watch: ({ type }) => void order.push(type) });
      await zk.setData(path, 'x').then(() => order.push('written'));
      expect(order).toEqual(['NodeDataChanged', 'written']);
    });
  });

  describe('that stay', () => {
    it('fire again and again: persistent of the znode and its children, recursive of all below', async () => {
      const recursive = new Events();
      await zk.addWatch(path, 'PERSISTENT', events.watch);
      await zk.addWatch(`${path}/a`, 'PERSISTENT_RECURSIVE', recursive.watch);
      await other.create(path);
      await other.create(`${path}/a`);
      await other.create(`${path}/a/b`);
      await other.setData(`${path}/a/b`, 'x');
      await other.setData(path, 'x');
      await other.delete(`${path}/a/b`);
      await other.delete(`${path}/a`);
      await zk.sync('/');
      const own = ['NodeCreated', 'NodeChildrenChanged', 'NodeDataChanged', 'NodeChildrenChanged'];
      expect(events.words).toEqual(own.map((type) => `${type} ${path}`));
      expect(recursive.words).toEqual([
        `NodeCreated ${path}/a`,
        `NodeCreated ${path}/a/b`,
        `NodeDataChanged ${path}/a/b`,
        `NodeDeleted ${path}/a/b`,
        `NodeDeleted ${path}/a`,
      ]);
    });

    it.each(['before', 'behind', 'pipelined'])('bear a read with a watch %s them on the same path', async (when) => {
      const oneShot = new Events();
      await zk.create(path);
      const read = () =>
        Promise.all([zk.getData(path, { watch: oneShot.watch }), zk.getChildren(path, { watch: oneShot.watch })]);
      if (when === 'before') await read();
      const added = zk.addWatch(path, 'PERSISTENT', events.watch);
      if (when === 'behind') await added;
      if (when !== 'before') await read();
      await added;
      for (const data of ['1', '2', '3']) await other.setData(path, data);
      await other.create(`${path}/c`);
      await zk.sync('/');
      expect(events.words).toEqual([...Array(3).fill(`NodeDataChanged ${path}`), `NodeChildrenChanged ${path}`]);
      expect(oneShot.words).toEqual([`NodeDataChanged ${path}`, `NodeChildrenChanged ${path}`]);
    });

    it('do not take the watch for children with them: recursive ones on the same path', async () => {
      await zk.create(path);
      await zk.getChildren(path, { watch: events.watch });
      await zk.addWatch(path, 'PERSISTENT_RECURSIVE', () => {});
      proxy.cut();
      await untilReconnected(zk);
      await zk.sync('/');
      await other.create(`${path}/c`);
      await zk.sync('/');
      expect(events.words).toEqual([`NodeChildrenChanged ${path}`]);
    });
  });

  describe('that are removed', () => {
    it.each(['CHILDREN', 'DATA', 'ANY'] as const)('leave nothing on the server: %s', async (type) => {
      await zk.create(path);
      if (type !== 'CHILDREN') await zk.getData(path, { watch: events.watch });
      if (type !== 'DATA') await zk.getChildren(path, { watch: events.watch });
      expect(await watchesOnServer()).toBe(type === 'ANY' ? 2 : 1);
      await zk.removeWatches(path, { type });
      expect(await watchesOnServer()).toBe(0);
      const expected = { CHILDREN: ['Child'], DATA: ['Data'], ANY: ['Data', 'Child'] }[type];
      expect(events.words).toEqual(expected.map((kind) => `${kind}WatchRemoved ${path}`));
      await expect(zk.removeWatches(path, { type })).rejects.toThrow(NoWatcherError);
      await other.setData(path, 'x');
      await other.create(`${path}/c`);
      await zk.sync('/');
      expect(events.seen).toHaveLength(expected.length);
    });

    it.each(['PERSISTENT', 'PERSISTENT_RECURSIVE'] as const)(
      'by their handle leave nothing on the server: %s',
      async (mode) => {
        const handle = await zk.addWatch(path, mode, events.watch);
        await Promise.all([handle.remove(), handle.remove()]);
        expect(await watchesOnServer()).toBe(0);
        expect(events.words).toEqual([`PersistentWatchRemoved ${path}`]);
      },
    );

    it('one by one stay for the others, until the last is gone', async () => {
      await zk.create(path);
      const kept = new Events();
      await zk.getData(path, { watch: events.watch });
      await zk.getData(path, { watch: kept.watch });
      await zk.removeWatches(path, { type: 'DATA', listener: events.watch });
      expect(await watchesOnServer()).toBe(1);
      await other.setData(path, 'x');
      expect(await kept.until(1)).toEqual([`NodeDataChanged ${path}`]);
      expect(events.words).toEqual([`DataWatchRemoved ${path}`]);
    });

    it('leave the one-shots of the same path alone, when they had stood in for them', async () => {
      await zk.create(path);
      const handle = await zk.addWatch(path, 'PERSISTENT', () => {});
      await zk.getData(path, { watch: events.watch });
      await zk.getChildren(path, { watch: events.watch });
      await handle.remove();
      await other.setData(path, 'x');
      await other.create(`${path}/c`);
      expect(await events.until(2)).toEqual([`NodeDataChanged ${path}`, `NodeChildrenChanged ${path}`]);
      await untilNone();
    });

    it('while disconnected are not set again', async () => {
      await zk.create(path);
      await zk.getData(path, { watch: events.watch });
      const handle = await zk.addWatch(`${path}/r`, 'PERSISTENT_RECURSIVE', events.watch);
      proxy.refuse();
      proxy.cut();
      for await (const state of zk.states()) if (state === 'disconnected') break;
      await zk.removeWatches(path, { local: true });
      await handle.remove();
      await proxy.accept();
      await untilReconnected(zk);
      await zk.sync('/');
      await untilNone();
    });

    it('by the signal of their read leave nothing on the server', async () => {
      await zk.create(path);
      const controller = new AbortController();
      const read = zk.getData(path, { watch: events.watch, signal: controller.signal });
      const added = zk.addWatch(`${path}/p`, 'PERSISTENT', events.watch, { signal: controller.signal });
      await proxy.untilRequest(106);
      controller.abort(new Error('enough'));
      await expect(read).rejects.toThrow('enough');
      await expect(added).rejects.toThrow('enough');
      await untilNone();
    });

    it('leave nothing on the server when many reads are given up at random', async () => {
      const random = seededRandom(11);
      await zk.create(path);
      const paths = Array.from({ length: 12 }, (_, i) => `${path}/${i}`);
      for (const one of paths.slice(0, 6)) await zk.create(one);
      const reads = Array.from({ length: 600 }, async () => {
        const controller = new AbortController();
        const one = paths[Math.floor(random() * paths.length)] as string;
        const how = Math.floor(random() * 3);
        const options = { watch: () => {}, signal: controller.signal };
        const methods = [zk.exists, zk.getData, zk.getChildren];
        const read = (methods[how] as typeof zk.exists).call(zk, one, options).catch(() => {});
        for (let turns = Math.floor(random() * 8); turns > 0; turns--) await new Promise(setImmediate);
        if (random() < 0.6) controller.abort();
        await read;
      });
      await Promise.all(reads);
      await Promise.all(paths.map((one) => zk.removeWatches(one).catch(() => {})));
      await untilNone();
    });
  });
});
