import { randomUUID } from 'node:crypto';
import { startStandalone, TcpProxy, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestAuth, Keeper, openAclUnsafe, Perms } from '../src/index.js';

/** Where empty containers are gone nearly as soon as they are there. */
describeOnOwnServers('parents', () => {
  let server: ZooKeeperServer;
  const keepers: Keeper[] = [];

  const connect = async (options = {}): Promise<Keeper> => {
    const keeper = await Keeper.connect({ connectString: server.connectString, sessionTimeoutMs: 5_000, ...options });
    keepers.push(keeper);
    return keeper;
  };

  beforeAll(async () => {
    server = await startStandalone({ systemProperties: { 'znode.container.checkIntervalMs': 50 } });
  });
  afterAll(async () => {
    await Promise.all(keepers.map((keeper) => keeper.close()));
    await server[Symbol.asyncDispose]();
  });

  const untilGone = (keeper: Keeper, path: string): Promise<boolean> =>
    until(async () => ((await keeper.exists().forPath(path)) === null ? true : undefined), {
      what: `the end of ${path}`,
    });

  it('are containers, with no data, and go after their last child', async () => {
    const keeper = await connect();
    await keeper.create().creatingParents().forPath('/containers/of/x');
    expect(await keeper.getData().forPath('/containers/of')).toEqual(Buffer.alloc(0));
    await keeper.delete().forPath('/containers/of/x');
    await untilGone(keeper, '/containers');
  });

  it('stay where they are wanted persistent', async () => {
    const keeper = await connect({ useContainerParents: false, namespace: 'persistent' });
    await keeper.create().creatingParents().forPath('/of/x');
    await keeper.delete().forPath('/of/x');
    const marked = await keeper.create().withMode('CONTAINER').forPath('/marker');
    await keeper.create().forPath(`${marked}/child`);
    await keeper.delete().forPath(`${marked}/child`);
    await untilGone(keeper, marked);
    expect(await keeper.exists().forPath('/of')).not.toBeNull();
  });

  it('are made again, however often they are reaped underneath', async () => {
    const keeper = await connect({ namespace: 'reaped' });
    const round = async (index: number): Promise<void> => {
      for (let turn = 0; turn < 60; turn++) {
        const path = await keeper
          .create()
          .creatingParents()
          .withProtection()
          .withMode('EPHEMERAL_SEQUENTIAL')
          .forPath(`/line-${index}/deep/x-`);
        await keeper.delete().forPath(path);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => round(index)));
    // The root of the namespace is a container itself.
    await untilGone(keeper.usingNamespace(''), '/reaped');
    expect(await keeper.create().forPath('/x')).toBe('/x');
  });

  it('are asked for all at once, and made all at once, whatever their number', async () => {
    const proxy = await TcpProxy.inFrontOf(server.connectString);
    const keeper = await connect({ connectString: proxy.connectString });
    proxy.delay(50);
    const beganMs = performance.now();
    await keeper.create().creatingParents().forPath('/a/b/c/d/e/f/g/h/i/j/k/l');
    // Four round trips of 100 ms: the first try, the question, the parents, the second try. One by one it would be 24.
    expect(performance.now() - beganMs).toBeLessThan(1_500);
    await keeper.close();
    await proxy[Symbol.asyncDispose]();
  });

  it('are made again when they go before their first child comes, and again', async () => {
    const proxy = await TcpProxy.inFrontOf(server.connectString);
    const keeper = await connect({ connectString: proxy.connectString });
    const observer = await connect();
    let times = 0;
    // Faster than the keeper, to whom everything comes late.
    const watch = await observer.watch().forPath('/early', ({ type, path }) => {
      if (type === 'NodeCreated' && path === '/early' && times++ < 2) void observer.delete().forPath('/early');
    });
    proxy.delay(100);
    expect(await keeper.create().creatingParents().forPath('/early/x')).toBe('/early/x');
    expect(times).toBe(3);
    await watch.remove();
    await keeper.close();
    await proxy[Symbol.asyncDispose]();
  });

  it('need no permission where they stand already', async () => {
    const keeper = await connect({ auth: [digestAuth('ann', 'secret')] });
    const stranger = await connect();
    const readOnly = [{ perms: Perms.READ, id: { scheme: 'world', id: 'anyone' } }];
    await keeper.create().withAcl(readOnly).forPath('/closed');
    const owner = await connect({ acl: () => openAclUnsafe });
    await owner.create().forPath('/open');
    await owner.create().forPath('/open/dir');
    await owner.setAcl().withAcl(readOnly).forPath('/open');
    await stranger.create().creatingParents().forPath('/open/dir/sub/x');
    expect(await stranger.getChildren().forPath('/open/dir/sub')).toEqual(['x']);
    await expect(stranger.create().creatingParents().forPath('/closed/sub/x')).rejects.toThrow(/NOAUTH/);
  });

  it('are left to a transaction that makes them itself', async () => {
    const keeper = await connect();
    const transaction = keeper
      .transaction()
      .creatingParents()
      .create('/own/line/x', 'own')
      .create('/own/line/x/y', 'below');
    await transaction.commit();
    expect(String(await keeper.getData().forPath('/own/line/x'))).toBe('own');
    expect(await keeper.getChildren().forPath('/own/line/x')).toEqual(['y']);
  });

  it('are made below a chroot that was made for them', async () => {
    const path = `/chroot-${randomUUID()}`;
    const connectString = `${server.connectString}${path}/of/billing`;
    await expect(connect({ connectString })).rejects.toMatchObject({
      code: 'ZK_CHROOT_MISSING',
      chroot: `${path}/of/billing`,
    });
    const keeper = await connect({ connectString, createChroot: true });
    await keeper.create().creatingParents().forPath('/a/b', 'below');
    const whole = await connect({ connectString: server.connectString });
    expect(String(await whole.getData().forPath(`${path}/of/billing/a/b`))).toBe('below');
    await whole.delete().deletingChildren().forPath(path);
  });
});
