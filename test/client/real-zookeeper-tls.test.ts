import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Keeper } from '@zk-recipes/core';
import { Certificates, freePort, startStandalone, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConnectFailedError, TlsError, type TlsFailure, ZooKeeper, type ZooKeeperOptions } from 'zookeeper-ts-client';
import { untilState } from './clients.js';

/** A ZooKeeper with a port for TLS beside its other one. */
async function startWithTls(
  certificates: Certificates,
  clientAuth: 'none' | 'need',
  config: Readonly<Record<string, string>> = {},
): Promise<{ server: ZooKeeperServer; port: number }> {
  const port = await freePort();
  const { keyStore } = await certificates.issue();
  const server = await startStandalone({
    config: {
      serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
      secureClientPort: port,
      secureClientPortAddress: '127.0.0.1',
      'ssl.keyStore.location': keyStore,
      'ssl.trustStore.location': certificates.trustStore,
      'ssl.clientAuth': clientAuth,
      ...config,
    },
  });
  return { server, port };
}

describeOnOwnServers('a client over TLS', () => {
  let certificates: Certificates;
  let strangers: Certificates;
  const open: AsyncDisposable[] = [];

  beforeAll(async () => {
    [certificates, strangers] = await Promise.all([Certificates.make(), Certificates.make()]);
  });
  afterAll(async () => {
    await Promise.all([certificates[Symbol.asyncDispose](), strangers[Symbol.asyncDispose]()]);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one[Symbol.asyncDispose]()));
  });

  async function connect(connectString: string, options: ZooKeeperOptions): Promise<ZooKeeper> {
    const zk = await ZooKeeper.connect(connectString, { sessionTimeoutMs: 6_000, ...options });
    open.push(zk);
    return zk;
  }

  async function expectFailure(connectString: string, options: ZooKeeperOptions, failure: TlsFailure): Promise<void> {
    const beganMs = performance.now();
    const error: unknown = await connect(connectString, options).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectFailedError);
    const causes = (error as ConnectFailedError).errors.map(({ cause }: Error) => cause);
    for (const cause of causes) expect(cause).toBeInstanceOf(TlsError);
    expect(causes.map((cause) => (cause as TlsError).failure)).toEqual(causes.map(() => failure));
    expect(causes.length).toBeGreaterThan(0);
    // After one round over all servers, not after `connectDeadlineMs`.
    expect(performance.now() - beganMs).toBeLessThan(10_000);
  }

  describe('to a server that asks for no certificate', () => {
    let server: ZooKeeperServer;
    let port: number;
    beforeAll(async () => {
      ({ server, port } = await startWithTls(certificates, 'none'));
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it.each(['localhost', '127.0.0.1'])(
      'works as without, by the name %s, and again after the connection was lost',
      async (host) => {
        const zk = await connect(`${host}:${port}`, { tls: { ca: certificates.ca } });
        const { path } = await zk.create('/tls-', 'x'.repeat(500_000), { mode: 'EPHEMERAL_SEQUENTIAL' });
        expect((await zk.getData(path)).data?.length).toBe(500_000);
        const { sessionId } = zk;
        const again = untilState(zk, 'disconnected');
        await server.kill();
        await again;
        const back = untilState(zk, 'connected');
        await server.start();
        await back;
        expect(zk.sessionId).toBe(sessionId);
        expect((await zk.getData(path)).data?.length).toBe(500_000);
      },
    );

    it('asks a function for the options at each connection', async () => {
      let asked = 0;
      const tls = async () => {
        asked += 1;
        return { ca: certificates.ca };
      };
      const zk = await connect(`localhost:${port}`, { tls });
      const before = asked;
      const lost = untilState(zk, 'disconnected');
      await server.kill();
      await lost;
      const back = untilState(zk, 'connected');
      await server.start();
      await back;
      expect([before, asked > before]).toEqual([1, true]);
    });

    it('serves a Keeper', async () => {
      const keeper = await Keeper.connect({ connectString: `localhost:${port}`, tls: { ca: certificates.ca } });
      open.push(keeper);
      await keeper.create().creatingParents().forPath('/tls/keeper', 'data');
      expect(`${await keeper.getData().forPath('/tls/keeper')}`).toBe('data');
    });

    it('says by name what is wrong with the certificate of the server', async () => {
      await expectFailure(`localhost:${port}`, { tls: true }, 'server-certificate');
      await expectFailure(`localhost:${port}`, { tls: { ca: strangers.ca } }, 'server-certificate');
      await expectFailure(`localhost:${port}`, { tls: { ca: certificates.ca, servername: 'other' } }, 'server-name');
      await expectFailure(`127.0.0.1:${port},localhost:${port}`, { tls: true }, 'server-certificate');
    });

    it('says that its own options cannot be used', async () => {
      await expectFailure(`localhost:${port}`, { tls: { ca: '/etc/zookeeper/ca.pem' } }, 'options');
      await expectFailure(`localhost:${port}`, { tls: { ca: certificates.ca, key: 'none', cert: 'none' } }, 'options');
      const tls = () => {
        throw new Error('no such file');
      };
      await expectFailure(`localhost:${port}`, { tls }, 'options');
    });

    it('to the port without TLS is refused by name', async () => {
      const plainPort = Number(server.connectString.split(':')[1]);
      await expectFailure(`localhost:${plainPort}`, { tls: { ca: certificates.ca } }, 'closed');
    });

    it('without TLS to its port says what may be wrong', async () => {
      const connecting = connect(`localhost:${port}`, { connectDeadlineMs: 1_500 });
      await expect(connecting).rejects.toThrow(/TLS/);
    });

    it('tries again while a server is only not there yet', async () => {
      const elsewhere = await freePort();
      const zk = await connect(`localhost:${elsewhere},localhost:${port}`, { tls: { ca: certificates.ca } });
      expect(zk.state).toBe('connected');
    });
  });

  describe('to a server that wants a certificate', () => {
    let server: ZooKeeperServer;
    let port: number;
    beforeAll(async () => {
      ({ server, port } = await startWithTls(certificates, 'need'));
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it('is somebody, by PEM and by PKCS#12, to whom access can be given', async () => {
      const { cert, key, pfx } = await certificates.issue({ commonName: 'billing' });
      const one = await connect(`localhost:${port}`, { tls: { ca: certificates.ca, cert, key } });
      const identity = { scheme: 'x509', id: 'CN=billing,O=zk-recipes' };
      expect(await one.whoAmI()).toContainEqual({ authScheme: identity.scheme, user: identity.id });
      const { path } = await one.create('/mine', 'secret', { mode: 'EPHEMERAL', acl: [{ perms: 31, id: identity }] });
      const same = await connect(`localhost:${port}`, {
        tls: { ca: certificates.ca, pfx, passphrase: certificates.passphrase },
      });
      expect(`${(await same.getData(path)).data}`).toBe('secret');
      const other = await certificates.issue({ commonName: 'reports' });
      const stranger = await connect(`localhost:${port}`, {
        tls: { ca: certificates.ca, cert: other.cert, key: other.key },
      });
      await expect(stranger.getData(path)).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
    });

    it('is told when it has none, or one that the server does not trust', async () => {
      const foreign = await strangers.issue();
      const tls = { ca: certificates.ca };
      await expectFailure(`localhost:${port}`, { tls }, 'client-certificate');
      await expectFailure(
        `localhost:${port}`,
        { tls: { ...tls, cert: foreign.cert, key: foreign.key } },
        'client-certificate',
      );
    });
  });

  it('speaks TLS 1.3 where the server does, and says that there is no common version', async () => {
    const { server, port } = await startWithTls(certificates, 'none', {
      'ssl.protocol': 'TLSv1.3',
      'ssl.enabledProtocols': 'TLSv1.3',
      'ssl.ciphersuites': 'TLS_AES_256_GCM_SHA384',
    });
    open.push(server);
    const zk = await connect(`localhost:${port}`, { tls: { ca: certificates.ca, minVersion: 'TLSv1.3' } });
    expect(await zk.exists('/zookeeper')).not.toBeNull();
    await expectFailure(`localhost:${port}`, { tls: { ca: certificates.ca, maxVersion: 'TLSv1.2' } }, 'handshake');
  });

  it('resumes the TLS session of the last connection', async () => {
    const { cert, key } = await certificates.issue();
    const resumed: boolean[] = [];
    const server = createTlsServer({ cert, key }, (socket) => {
      resumed.push(socket.isSessionReused());
      // The ticket comes after the handshake.
      socket.once('data', () => socket.end());
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const zk = ZooKeeper.open(`localhost:${port}`, { tls: { ca: certificates.ca }, reconnect: { maxDelayMs: 100 } });
    open.push(zk);
    await until(() => (resumed.length >= 3 ? true : undefined), { what: 'three connections' });
    expect(resumed.slice(0, 3)).toEqual([false, true, true]);
    await zk.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('to a server that speaks something else is refused by name', async () => {
    const other = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    await expectFailure(`127.0.0.1:${port}`, { tls: true }, 'not-tls');
    await new Promise((resolve) => other.close(resolve));
  });
});
