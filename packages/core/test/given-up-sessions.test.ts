import { startStandalone, TcpProxy, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, expect, it } from 'vitest';
import {
  type BackgroundError,
  type HistoryWentBack,
  Keeper,
  type KeeperOptions,
  type StateChange,
} from '../src/index.js';
import { untilState } from './stage.js';

const SESSION_MS = 1_000;

/** A server of its own behind a network, and what keepers on it told. */
class Scene {
  readonly errors: BackgroundError[] = [];
  readonly server: ZooKeeperServer;
  readonly proxy: TcpProxy;
  readonly #keepers: Keeper[] = [];

  private constructor(server: ZooKeeperServer, proxy: TcpProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  static async set(): Promise<Scene> {
    const server = await startStandalone({ tickTimeMs: 200 });
    return new Scene(server, await TcpProxy.inFrontOf(server.connectString));
  }

  async keeper(options: Partial<KeeperOptions> = {}): Promise<Keeper> {
    const keeper = await Keeper.connect({
      connectString: this.proxy.connectString,
      sessionTimeoutMs: SESSION_MS,
      reconnect: { minDelayMs: 20, maxDelayMs: 100 },
      ...options,
    });
    keeper.on('backgroundError', (error) => this.errors.push(error));
    this.#keepers.push(keeper);
    return keeper;
  }

  /** A keeper that no fault of the network reaches. */
  bystander(): Promise<Keeper> {
    return this.keeper({ connectString: this.server.connectString, sessionTimeoutMs: 4_000 });
  }

  async end(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.close()));
    await this.proxy[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** The changes of a keeper's state from now on, in short. */
function changesOf(keeper: Keeper): string[] {
  const changes: string[] = [];
  keeper.on('stateChange', ({ state, reason }: StateChange) => changes.push(`${state} ${reason}`));
  return changes;
}

describeOnOwnServers('a session that this process has given up', () => {
  let scene: Scene;
  afterEach(() => scene.end());

  it('is followed by another at once when the server answers for another session', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper();
    const changes = changesOf(keeper);
    const id = keeper.sessionId;
    let validAtLoss: number | null = null;
    keeper.on('state', (state) => {
      if (state === 'LOST') validAtLoss = keeper.validForMs();
    });
    scene.proxy.forgetSessions();
    const back = untilState(keeper, 'RECONNECTED');
    scene.proxy.cut();
    await back;
    expect(changes).toEqual(['SUSPENDED disconnected', 'LOST replaced', 'RECONNECTED new-session']);
    expect(validAtLoss).toBe(0);
    expect(keeper.sessionEpoch).toBe(2);
    expect(keeper.sessionId).not.toBe(id);
    expect(scene.errors).toEqual([]);
  });

  it('leaves no ephemeral when it was replaced: what the servers keep of it is removed by path', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper({ sessionTimeoutMs: 4_000 });
    const other = await scene.bystander();
    const create = keeper.create().creatingParents().withMode('EPHEMERAL');
    await create.forPath('/a/plain');
    const protectedPath = await keeper.create().withMode('EPHEMERAL_SEQUENTIAL').withProtection().forPath('/a/p-');
    await keeper.transaction().create('/a/by-transaction', null, { mode: 'EPHEMERAL' }).commit();
    await create.forPath('/a/deleted');
    await keeper.delete().forPath('/a/deleted');
    await keeper.create().forPath('/a/stays');
    scene.proxy.forgetSessions();
    const back = untilState(keeper, 'RECONNECTED');
    scene.proxy.cut();
    await back;
    // Asked in the new session, before anything was answered in it: the delete went ahead of it.
    expect(await keeper.exists().forPath(protectedPath)).toBeNull();
    await until(async () => ((await other.getChildren().forPath('/a')).length === 1 ? true : undefined), {
      what: 'the ephemerals of the old session to be gone',
      everyMs: 5,
      timeoutMs: 1_500,
    });
    expect(await other.getChildren().forPath('/a')).toEqual(['stays']);
    expect(scene.errors).toEqual([]);
  });

  it('never costs another session a znode of the same name', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper({ sessionTimeoutMs: 4_000 });
    const other = await scene.bystander();
    await keeper.create().withMode('EPHEMERAL').forPath('/mine');
    await other.delete().forPath('/mine');
    await other.create().withMode('EPHEMERAL').forPath('/mine', 'of another');
    scene.proxy.forgetSessions();
    const back = untilState(keeper, 'RECONNECTED');
    scene.proxy.cut();
    await back;
    await keeper.sync().forPath('/');
    await keeper.sync().forPath('/');
    expect(String(await other.getData().forPath('/mine'))).toBe('of another');
  });

  it('is ended by a throw-away connection when all servers were away for longer than it can live', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper();
    const other = await scene.bystander();
    const changes = changesOf(keeper);
    const lost = untilState(keeper, 'LOST');
    await keeper.create().withMode('EPHEMERAL').forPath('/x');
    await scene.server.stop();
    await lost;
    await until(() => (changes.length > 1 && keeper.zookeeper.endError !== null ? true : undefined), {
      what: 'the session to be given up',
    });
    expect(keeper.zookeeper.endError).toMatchObject({ code: 'ZK_SESSION_EXPIRED', expiry: 'silence' });
    const back = untilState(keeper, 'RECONNECTED');
    const startedMs = performance.now();
    await scene.server.start();
    await back;
    // Before the new session serves, not after the old one's time.
    expect(await keeper.exists().forPath('/x')).toBeNull();
    expect(performance.now() - startedMs).toBeLessThan(6_000);
    expect(changes).toEqual(['SUSPENDED disconnected', 'LOST validity', 'RECONNECTED new-session']);
    expect(await other.exists().forPath('/x')).toBeNull();
    expect(scene.errors).toEqual([]);
  });

  it('is told by name when the servers come back without their data', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper();
    const changes = changesOf(keeper);
    const told: HistoryWentBack[] = [];
    keeper.on('historyWentBack', (event) => told.push(event));
    for (let i = 0; i < 20; i++) await keeper.create().forPath(`/x${i}`);
    const seen = keeper.zookeeper.lastZxid;
    await scene.server.wipe();
    await until(() => (keeper.zookeeper.endError === null ? undefined : true), { what: 'the session to be given up' });
    const back = untilState(keeper, 'RECONNECTED');
    await scene.server.start();
    const servedAtMs = performance.now();
    await back;
    expect(performance.now() - servedAtMs).toBeLessThan(1_500);
    expect(told).toEqual([{ lastZxidSeen: seen, serverZxid: expect.any(BigInt) }]);
    expect((told[0] as HistoryWentBack).serverZxid < seen).toBe(true);
    expect(changes).toEqual(['SUSPENDED disconnected', 'LOST validity', 'RECONNECTED history']);
    expect(await keeper.exists().forPath('/x0')).toBeNull();
    await keeper.create().withMode('EPHEMERAL').forPath('/x0');
    expect(scene.errors).toEqual([]);
  });

  it('is over as well when the servers come back in time, and without their data', async () => {
    scene = await Scene.set();
    const keeper = await scene.keeper();
    for (let i = 0; i < 20; i++) await keeper.create().forPath(`/x${i}`);
    const back = untilState(keeper, 'RECONNECTED');
    await scene.server.wipe();
    await scene.server.start();
    const servedAtMs = performance.now();
    await back;
    expect(keeper.sessionEpoch).toBe(2);
    // 4/3 of the timeout for the end of the old session, and a second for the new one.
    expect(performance.now() - servedAtMs).toBeLessThan((SESSION_MS * 4) / 3 + 1_000);
  });
});

describeOnOwnServers('Keeper.open', () => {
  let scene: Scene;
  afterEach(() => scene.end());

  it('does not wait for a server, and serves what was asked meanwhile', async () => {
    scene = await Scene.set();
    scene.proxy.refuse();
    const keeper = Keeper.open({
      connectString: scene.proxy.connectString,
      sessionTimeoutMs: SESSION_MS,
      reconnect: { minDelayMs: 10, maxDelayMs: 20 },
    });
    try {
      expect([keeper.connectionState, keeper.sessionId, keeper.sessionEpoch]).toEqual(['SUSPENDED', 0n, 0]);
      expect(keeper.validForMs()).toBe(0);
      const changes = changesOf(keeper);
      const created = keeper.create().withMode('EPHEMERAL').withStat().forPath('/x');
      const connected = keeper.untilConnected();
      await scene.proxy.accept();
      await connected;
      expect((await created).stat.ephemeralOwner).toBe(keeper.sessionId);
      expect([keeper.connectionState, keeper.sessionEpoch]).toEqual(['CONNECTED', 1]);
      expect(changes).toEqual(['CONNECTED new-session']);
      await keeper.untilConnected();
    } finally {
      await keeper.close();
    }
  });

  it('lets the waiting end by a signal, with what each server said, and goes on', async () => {
    scene = await Scene.set();
    scene.proxy.refuse();
    const keeper = Keeper.open({ connectString: scene.proxy.connectString, sessionTimeoutMs: SESSION_MS });
    try {
      const controller = new AbortController();
      const waiting = keeper.untilConnected({ signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(waiting).rejects.toMatchObject({ code: 'ZK_CONNECT_FAILED', cause: new Error('enough') });
      await scene.proxy.accept();
      await keeper.untilConnected();
    } finally {
      await keeper.close();
    }
  });

  it('can be closed before there is a session', async () => {
    scene = await Scene.set();
    scene.proxy.refuse();
    const keeper = Keeper.open({ connectString: scene.proxy.connectString, sessionTimeoutMs: SESSION_MS });
    const waiting = keeper.untilConnected().catch((error: unknown) => error);
    const read = keeper
      .exists()
      .forPath('/')
      .catch((error: unknown) => error);
    await keeper.close();
    expect(await waiting).toMatchObject({ code: 'ZK_CLOSED' });
    expect(await read).toMatchObject({ code: 'ZK_CLOSED' });
    expect([keeper.connectionState, keeper.closed]).toEqual(['LOST', true]);
  });
});

describeOnOwnServers('Keeper with credentials that the server refuses', () => {
  let scene: Scene;
  afterEach(() => scene.end());
  const auth = [{ scheme: 'nosuch', auth: Buffer.from('me') }];

  it('is closed when it was opened, and is told', async () => {
    scene = await Scene.set();
    const keeper = Keeper.open({ connectString: scene.server.connectString, auth });
    const changes = changesOf(keeper);
    await expect(keeper.untilConnected()).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED' });
    await until(() => (keeper.closed ? true : undefined), { what: 'the keeper to be closed' });
    expect(changes).toEqual(expect.arrayContaining(['LOST auth-failed']));
    await expect(keeper.exists().forPath('/')).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED' });
    await keeper.close();
  });

  it('rejects when it is connected', async () => {
    scene = await Scene.set();
    await expect(scene.keeper({ connectString: scene.server.connectString, auth })).rejects.toMatchObject({
      code: 'ZK_AUTH_FAILED',
    });
  });
});

describeOnOwnServers('Keeper.connect', () => {
  let scene: Scene;
  afterEach(() => scene.end());

  it('reports what a listener of attempts throws, and goes on', async () => {
    scene = await Scene.set();
    scene.proxy.refuse();
    const keeper = Keeper.open({
      connectString: scene.proxy.connectString,
      reconnect: { minDelayMs: 10, maxDelayMs: 20 },
      onAttemptFailed: () => {
        throw new Error('listener');
      },
    });
    const told = new Promise<BackgroundError>((resolve) => keeper.on('backgroundError', resolve));
    expect(await told).toMatchObject({ error: new Error('listener'), operation: 'callback' });
    await scene.proxy.accept();
    await keeper.untilConnected();
    await keeper.close();
  });

  it('rejects when the deadline has passed, with what each server said', async () => {
    scene = await Scene.set();
    scene.proxy.refuse();
    const attempts: string[] = [];
    const connecting = Keeper.connect({
      connectString: scene.proxy.connectString,
      sessionTimeoutMs: SESSION_MS,
      connectDeadlineMs: 300,
      onAttemptFailed: ({ server, attempt, error }) => attempts.push(`${attempt} ${server} ${error.message}`),
    });
    const error = await connecting.catch((reason: unknown) => reason as AggregateError);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ code: 'ZK_CONNECT_FAILED' });
    expect((error as AggregateError).message).toContain('No session within 300 ms (connectDeadlineMs)');
    expect((error as AggregateError).errors[0].message).toContain(`${scene.proxy.connectString}: connect ECONNREFUSED`);
    expect(attempts[0]).toContain(`1 ${scene.proxy.connectString} connect ECONNREFUSED`);
  });
});
