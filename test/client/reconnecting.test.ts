import { once } from 'node:events';
import { createServer } from 'node:net';
import { startStandalone, TcpProxy, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { creatorAllAcl, digestAuth, SessionExpiredError, ZooKeeper } from 'zookeeper-ts-client';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { Clients, Events, untilReconnected, untilState } from './clients.js';

describeOnOwnServers('a client behind a network that breaks', () => {
  let server: ZooKeeperServer;
  let proxy: TcpProxy;
  let clients: Clients;
  let zk: ZooKeeper;
  let other: ZooKeeper;
  let path: string;
  let count = 0;

  beforeAll(async () => {
    server = await startStandalone({ tickTimeMs: 250 });
    proxy = await TcpProxy.inFrontOf(server.connectString);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    clients = new Clients();
    zk = await clients.connect(proxy.connectString, { sessionTimeoutMs: 1500 });
    other = await clients.connect(server.connectString);
    path = `/r${++count}`;
  });
  afterEach(async () => {
    proxy.heal();
    await proxy.accept();
    await clients[Symbol.asyncDispose]();
  });

  it('keeps its session and its ephemerals, and sets its watches again, with what was missed', async () => {
    const id = zk.sessionId;
    await zk.create(path, null);
    await zk.create(`${path}/gone`);
    await zk.create(`${path}/e`, null, { mode: 'EPHEMERAL' });
    const events = new Events();
    const { watch } = events;
    await zk.getData(path, { watch });
    await zk.getData(`${path}/gone`, { watch });
    await zk.exists(`${path}/new`, { watch });
    await zk.getChildren(path, { watch });
    await zk.getData(`${path}/e`, { watch });
    const lasting = new Events();
    await zk.addWatch(path, 'PERSISTENT_RECURSIVE', lasting.watch);
    proxy.refuse();
    proxy.cut();
    await untilState(zk, 'disconnected');
    await other.setData(path, 'x');
    await other.delete(`${path}/gone`);
    await other.create(`${path}/new`);
    await proxy.accept();
    await untilReconnected(zk);
    const missed = await events.until(4);
    expect([...missed].sort()).toEqual(
      [
        `NodeChildrenChanged ${path}`,
        `NodeCreated ${path}/new`,
        `NodeDataChanged ${path}`,
        `NodeDeleted ${path}/gone`,
      ].sort(),
    );
    expect(zk.sessionId).toBe(id);
    expect((await zk.exists(`${path}/e`))?.ephemeralOwner).toBe(id);
    await other.setData(`${path}/e`, 'x');
    expect((await events.until(5))[4]).toBe(`NodeDataChanged ${path}/e`);
    expect(lasting.words.at(-1)).toBe(`NodeDataChanged ${path}/e`);
  });

  it('sets more watches again than fit in one request of the server', async () => {
    const name = (i: number): string => `${path}-${'x'.repeat(950)}-${i}`;
    const events = new Events();
    const reads = Array.from({ length: 1500 }, (_, i) => zk.exists(name(i), { watch: events.watch }));
    await Promise.all(reads);
    const before = proxy.requestCount(OpCode.setWatches);
    proxy.cut();
    await untilReconnected(zk);
    await zk.sync('/');
    const bytes = reads.reduce((sum, _, i) => sum + 4 + name(i).length, 0);
    expect(proxy.requestCount(OpCode.setWatches) - before).toBe(Math.ceil(bytes / 65_000));
    for (const i of [0, 700, 1499]) await other.create(name(i));
    expect(await events.until(3)).toEqual([0, 700, 1499].map((i) => `NodeCreated ${name(i)}`));
  });

  it('has its credentials again before anything else', async () => {
    await zk.addAuth('digest', 'ann:secret');
    await zk.create(path, 'mine', { acl: creatorAllAcl });
    proxy.cut();
    await untilState(zk, 'disconnected');
    expect((await zk.getData(path)).data?.toString()).toBe('mine');
    expect(digestAuth('ann', 'secret').auth.toString()).toBe('ann:secret');
  });

  it.each(['request', 'reply'] as const)('tells that the outcome is unknown when a %s is lost', async (what) => {
    const lost = what === 'request' ? proxy.loseRequestOnce({ op: 15 }) : proxy.loseReplyOnce({ op: 15 });
    const asked = zk.create(path);
    await expect(asked).rejects.toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    await lost;
    expect((await zk.exists(path)) !== null).toBe(what === 'reply');
  });

  it('is taken over by another process with its id and password', async () => {
    await zk.create(path, null, { mode: 'EPHEMERAL' });
    const heir = await clients.connect(server.connectString, {
      session: { id: zk.sessionId, passwd: zk.sessionPasswd },
      sessionTimeoutMs: 1500,
    });
    expect(heir.sessionId).toBe(zk.sessionId);
    expect(await heir.getEphemerals(path)).toEqual([path]);
    // Both would take it from each other for ever: the first one stops.
    await heir.close();
    expect(await other.exists(path)).toBeNull();
    await untilState(zk, 'expired');
  });

  it('hears at once that a session does not exist, or that the password is wrong', async () => {
    const session = { id: zk.sessionId, passwd: Buffer.alloc(16, 1) };
    await expect(clients.connect(server.connectString, { session })).rejects.toThrow(SessionExpiredError);
    await expect(clients.connect(server.connectString, { session: { ...session, id: 12345n } })).rejects.toThrow(
      SessionExpiredError,
    );
  });

  it.each(['to-server', 'to-client', 'both'] as const)(
    'notices within two thirds of its timeout a network that drops what goes %s',
    async (direction) => {
      const startMs = performance.now();
      proxy.blackhole({ direction });
      await untilState(zk, 'disconnected');
      const noticedMs = performance.now() - startMs;
      expect(noticedMs).toBeLessThan(1000 + 400);
      expect(zk.validForMs()).toBeLessThan(1500);
      proxy.cut();
      proxy.heal();
      await untilState(zk, 'connected');
      await zk.sync('/');
    },
  );

  it('holds itself for dead before the server does, when nothing passes any more', async () => {
    await zk.create(path, null, { mode: 'EPHEMERAL' });
    const gone = new Events();
    await other.exists(path, { watch: gone.watch });
    const events = new Events();
    await zk.exists(path, { watch: events.watch });
    let validMs = 0;
    const look = setInterval(() => {
      if (gone.seen.length === 0) return;
      validMs = Math.max(validMs, zk.validForMs());
    }, 1);
    proxy.blackhole();
    await gone.until(1);
    expect(zk.validForMs()).toBe(0);
    clearInterval(look);
    expect(validMs).toBe(0);
    const waiting = zk.exists(path);
    proxy.cut();
    proxy.heal();
    await untilState(zk, 'expired');
    await expect(waiting).rejects.toThrow(SessionExpiredError);
    expect(events.words).toEqual(['None null']);
  });

  it('stays connected through a restart of the server', async () => {
    const restarted = await startStandalone();
    try {
      const own = await clients.connect(restarted.connectString, { sessionTimeoutMs: 10_000 });
      const id = own.sessionId;
      await own.create('/e', null, { mode: 'EPHEMERAL' });
      await restarted.kill();
      await untilState(own, 'disconnected');
      await restarted.start();
      await untilState(own, 'connected');
      expect(await own.getEphemerals()).toEqual(['/e']);
      expect(own.sessionId).toBe(id);
    } finally {
      await restarted[Symbol.asyncDispose]();
    }
  });

  describe('on a server that speaks something else', () => {
    it.each(['HTTP/1.1 400 Bad Request\r\n\r\n', '\u0000\u0000\u0000\u0001x', ''])(
      'goes on to one that does not: %j',
      async (greeting) => {
        const garbage = createServer((socket) => {
          socket.on('error', () => {});
          socket.end(greeting, 'latin1');
        });
        garbage.listen(0, '127.0.0.1');
        await once(garbage, 'listening');
        const { port } = garbage.address() as { port: number };
        for (let i = 0; i < 4; i++) {
          const found = await clients.connect(`127.0.0.1:${port},${server.connectString}`);
          expect(found.server).toBe(server.connectString);
        }
        const gaveUp = ZooKeeper.connect(`127.0.0.1:${port}`, { signal: AbortSignal.timeout(300) });
        await expect(gaveUp).rejects.toThrow(AggregateError);
        garbage.close();
      },
    );
  });
});
