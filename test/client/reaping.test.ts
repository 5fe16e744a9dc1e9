import { startStandalone, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UnimplementedError, type ZooKeeper } from 'zookeeper-ts-client';
import { Clients, Events } from './clients.js';

describeOnOwnServers('a server that looks often for what has served its time', () => {
  const clients = new Clients();
  let server: ZooKeeperServer;
  let zk: ZooKeeper;
  beforeAll(async () => {
    server = await startStandalone({ systemProperties: { 'znode.container.checkIntervalMs': 50 } });
    zk = await clients.connect(server.connectString);
  });
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it('removes a container after its last child has gone', async () => {
    const gone = new Events();
    await zk.create('/c', null, { mode: 'CONTAINER' });
    await zk.create('/c/x');
    await zk.exists('/c', { watch: gone.watch });
    await zk.delete('/c/x');
    expect(await gone.until(1)).toEqual(['NodeDeleted /c']);
  });

  it.each(['PERSISTENT_WITH_TTL', 'PERSISTENT_SEQUENTIAL_WITH_TTL'] as const)(
    'removes a znode after its TTL: %s',
    async (mode) => {
      const gone = new Events();
      const { path } = await zk.create('/t', null, { mode, ttlMs: 50 });
      if ((await zk.exists(path, { watch: gone.watch })) !== null) await gone.until(1);
      expect(await zk.exists(path)).toBeNull();
    },
  );

  it('without extended types knows no TTL', async () => {
    const plain = await startStandalone({
      config: { extendedTypesEnabled: false },
      systemProperties: { 'zookeeper.extendedTypesEnabled': false },
    });
    try {
      const own = await clients.connect(plain.connectString);
      await expect(own.create('/t', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1 })).rejects.toThrow(
        UnimplementedError,
      );
      expect(await own.exists('/t')).toBeNull();
      await own.close();
    } finally {
      await plain[Symbol.asyncDispose]();
    }
  });
});
