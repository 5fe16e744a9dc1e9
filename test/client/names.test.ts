import type { LookupFunction } from 'node:net';
import { freePort, startStandalone, TcpProxy, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Clients, untilReconnected } from './clients.js';

const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

describeOnOwnServers('a name of three addresses', () => {
  let server: ZooKeeperServer;
  let clients: Clients;
  let proxies: TcpProxy[];
  /** The addresses of the name, or why they cannot be had. */
  let answer: readonly string[] | Error;
  let connectString: string;

  /** Answers in a later turn, as DNS does. */
  const lookup: LookupFunction = (_host, _options, callback) => {
    setImmediate(() => {
      if (answer instanceof Error) callback(answer, []);
      else
        callback(
          null,
          answer.map((address) => ({ address, family: 4 })),
        );
    });
  };
  /** The proxy through which the only client is connected. */
  const ownProxy = (): TcpProxy => {
    const [own, ...others] = proxies.filter(({ connectionCount }) => connectionCount > 0);
    if (own === undefined || others.length > 0) throw new Error(`expected one proxy in use, got ${others.length + 1}`);
    return own;
  };

  beforeAll(async () => {
    server = await startStandalone({ tickTimeMs: 250 });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    clients = new Clients();
    const port = await freePort();
    proxies = await Promise.all(hosts.map((host) => TcpProxy.inFrontOf(server.connectString, { host, port })));
    answer = hosts;
    connectString = `zk.test:${port}`;
  });
  afterEach(async () => {
    await clients[Symbol.asyncDispose]();
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  });

  it.each<[string, (proxy: TcpProxy) => void]>([
    ['accept and close', (proxy) => proxy.turnAway()],
    ['accept and stay silent', (proxy) => proxy.blackhole()],
    ['refuse', (proxy) => proxy.refuse()],
  ])('connects to the third server when two %s', async (_, disturb) => {
    const bad = proxies.slice(0, 2);
    for (const proxy of bad) disturb(proxy);
    // Eight clients, since each of them begins with the third server once in three times.
    const connected = await Promise.all(
      Array.from({ length: 8 }, () => clients.connect(connectString, { lookup, sessionTimeoutMs: 1500 })),
    );
    expect(connected.map((zk) => zk.server)).toEqual(Array(8).fill(connectString));
    expect(proxies[2]?.connectionCount).toBe(8);
  });

  it('spreads thirty clients over the three', async () => {
    await Promise.all(Array.from({ length: 30 }, () => clients.connect(connectString, { lookup })));
    const counts = proxies.map(({ connectionCount }) => connectionCount);
    expect(counts.reduce((sum, count) => sum + count)).toBe(30);
    // Of even chances more than 24 of 30 happens once in a hundred million times.
    expect(Math.max(...counts)).toBeLessThanOrEqual(24);
  });

  it('keeps the session when the server starts to close every connection', async () => {
    const zk = await clients.connect(connectString, { lookup });
    const { sessionId } = zk;
    await zk.exists('/');
    const own = ownProxy();
    own.turnAway();
    own.cut();
    await untilReconnected(zk);
    expect(zk.sessionId).toBe(sessionId);
    expect(own.connectionCount).toBe(0);
  });

  it('follows the name to another address', async () => {
    answer = ['127.0.0.1'];
    const zk = await clients.connect(connectString, { lookup });
    answer = ['127.0.0.2'];
    proxies[0]?.refuse();
    proxies[0]?.cut();
    await untilReconnected(zk);
    expect(ownProxy()).toBe(proxies[1]);
  });

  it('reconnects by the last good answer when DNS fails', async () => {
    const zk = await clients.connect(connectString, { lookup });
    await zk.exists('/');
    answer = new Error('getaddrinfo EAI_AGAIN zk.test');
    const own = ownProxy();
    own.refuse();
    own.cut();
    await untilReconnected(zk);
    expect(ownProxy()).not.toBe(own);
  });

  it('is resolved by DNS when no look-up is given', async () => {
    const zk = await clients.connect(`localhost:${connectString.split(':')[1]}`);
    expect(zk.server).toBe(`localhost:${connectString.split(':')[1]}`);
    expect(ownProxy()).toBe(proxies[0]);
  });

  it('is moved to by `updateServerList`, and left for another name', async () => {
    const zk = await clients.connect(server.connectString, { lookup });
    zk.updateServerList(connectString);
    await until(() => zk.server === connectString || undefined, { what: 'the client on the name' });
    await zk.exists('/');
    zk.updateServerList(server.connectString);
    await until(() => zk.server === server.connectString || undefined, { what: 'the client on the address' });
  });
});
