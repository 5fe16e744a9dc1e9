import { startEnsemble, TcpProxy, type ZooKeeperEnsemble, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ConnectionLossError, type ZooKeeper } from 'zookeeper-ts-client';
import { Clients, Events, untilReconnected, untilState } from './clients.js';

describeOnOwnServers('a client of an ensemble', () => {
  let ensemble: ZooKeeperEnsemble;
  let clients: Clients;
  let zk: ZooKeeper;

  beforeAll(async () => {
    ensemble = await startEnsemble();
  });
  afterAll(() => ensemble?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    clients = new Clients();
    zk = await clients.connect(ensemble.connectString, { sessionTimeoutMs: 4000 });
  });
  afterEach(async () => {
    await clients[Symbol.asyncDispose]();
    for (const member of ensemble.members) if (member.state === 'paused') await member.resume();
    await ensemble.startAll();
  });

  const memberOf = (client: ZooKeeper): ZooKeeperServer => {
    const member = ensemble.members.find(({ connectString }) => connectString === client.server);
    if (member === undefined) throw new Error(`${client.server} is no member`);
    return member;
  };

  /** Writes until a write is acknowledged; returns after how many milliseconds. */
  async function untilWritten(path: string): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      try {
        await zk.setData(path, 'x');
        return performance.now() - startMs;
      } catch (error) {
        if (!(error instanceof ConnectionLossError)) throw error;
      }
    }
  }

  it.each(['the member that it is connected to', 'the leader'])(
    'writes again within two seconds after the death of %s',
    async (whom) => {
      const { path } = await zk.create('/d-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
      const id = zk.sessionId;
      const events = new Events();
      await zk.exists(`${path}-new`, { watch: events.watch });
      const victim = whom === 'the leader' ? await ensemble.untilServing() : memberOf(zk);
      await victim.kill();
      expect(await untilWritten(path)).toBeLessThan(2000);
      expect(zk.sessionId).toBe(id);
      expect((await zk.exists(path))?.ephemeralOwner).toBe(id);
      await zk.create(`${path}-new`, null, { mode: 'EPHEMERAL' });
      expect(await events.until(1)).toEqual([`NodeCreated ${path}-new`]);
    },
  );

  it('writes again within two seconds each time that the leader dies', async () => {
    const { path } = await zk.create('/k-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    const gapsMs: number[] = [];
    for (let i = 0; i < 5; i++) {
      const leader = await ensemble.untilServing();
      await zk.setData(path, 'x').catch(() => {});
      await leader.kill();
      gapsMs.push(await untilWritten(path));
      await ensemble.startAll();
    }
    expect(Math.max(...gapsMs)).toBeLessThan(2000);
    expect((await zk.exists(path))?.ephemeralOwner).toBe(zk.sessionId);
  });

  it('leaves a member that is paused within two thirds of its timeout', async () => {
    const follower = (await ensemble.followers())[0] as ZooKeeperServer;
    const own = await clients.connect(follower.connectString, { sessionTimeoutMs: 4000 });
    own.updateServerList(ensemble.connectString);
    await untilState(own, 'connected');
    const member = memberOf(own);
    const startMs = performance.now();
    await member.pause();
    await untilState(own, 'disconnected');
    expect(performance.now() - startMs).toBeLessThan(2667 + 600);
    await untilState(own, 'connected');
    expect(memberOf(own)).not.toBe(member);
    expect(own.sessionTimeoutMs).toBe(4000);
  });

  it('keeps its session through the loss of the quorum', async () => {
    const { path } = await zk.create('/q-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    const id = zk.sessionId;
    const [first, second] = ensemble.members;
    await Promise.all([first?.kill(), second?.kill()]);
    await untilState(zk, 'disconnected');
    const waiting = zk.exists(path).catch((error: unknown) => error);
    await first?.start();
    await untilState(zk, 'connected');
    await waiting;
    expect(await untilWritten(path)).toBeLessThan(2000);
    expect(zk.sessionId).toBe(id);
  });

  it('can have its session taken to another member, where its requests are then refused', async () => {
    const [one, two] = ensemble.members as [ZooKeeperServer, ZooKeeperServer];
    const first = await clients.connect(one.connectString);
    const { path } = await first.create('/m-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    const session = { id: first.sessionId, passwd: first.sessionPasswd };
    const second = await clients.connect(two.connectString, { session });
    expect((await second.exists(path))?.ephemeralOwner).toBe(session.id);
    const moved = await first.setData(path, 'late').catch((error: unknown) => error);
    expect(moved).toMatchObject({ code: expect.stringMatching(/ZK_CONNECTION_LOSS|ZK_SESSION_MOVED/) });
    await second.close();
    await untilState(first, 'expired');
  });

  it('sees its own writes, and those of others after a sync, on whatever member', async () => {
    const [one, two] = await Promise.all(
      ensemble.members.slice(0, 2).map((member) => clients.connect(member.connectString)),
    );
    const { path } = await (one as ZooKeeper).create('/s-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    for (let i = 0; i < 50; i++) {
      await (one as ZooKeeper).setData(path, `${i}`);
      const [, read] = await Promise.all([(two as ZooKeeper).sync(path), (two as ZooKeeper).getData(path)]);
      expect(read.data?.toString()).toBe(`${i}`);
    }
  });

  it('moves on when a network to one member drops everything', async () => {
    const proxies = await Promise.all(ensemble.members.map(({ connectString }) => TcpProxy.inFrontOf(connectString)));
    try {
      const own = await clients.connect(proxies.map(({ connectString }) => connectString).join(','), {
        sessionTimeoutMs: 3000,
      });
      const id = own.sessionId;
      const mine = proxies.find(({ connectString }) => connectString === own.server);
      mine?.blackhole({ direction: 'to-client' });
      const startMs = performance.now();
      await untilReconnected(own);
      expect(performance.now() - startMs).toBeLessThan(3000);
      expect(own.server).not.toBe(mine?.connectString);
      expect(own.sessionId).toBe(id);
      mine?.heal();
    } finally {
      await clients[Symbol.asyncDispose]();
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    }
  });
});
