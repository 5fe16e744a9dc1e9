import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { NoNodeError, type WatchedEvent } from '../src/index.js';
import { stage } from './stage.js';

describeOnSharedServer('a namespace', () => {
  const on = stage();

  it('lies above all paths, and is made when it is first needed', async () => {
    const keeper = await on.keeper();
    const root = keeper.usingNamespace('');
    expect(await root.exists().forPath(`/${keeper.namespace}`)).toBeNull();
    expect(await keeper.create().forPath('/x', 'v')).toBe('/x');
    expect((await root.getData().forPath(`/${keeper.namespace}/x`))?.toString()).toBe('v');
  });

  it.each([
    ['getChildren', async (keeper) => expect(await keeper.getChildren().forPath('/')).toEqual([])],
    ['getData', async (keeper) => expect(await keeper.getData().forPath('/')).toEqual(Buffer.alloc(0))],
    ['exists', async (keeper) => expect(await keeper.exists().forPath('/')).toMatchObject({ numChildren: 0 })],
    ['setData', async (keeper) => expect(await keeper.setData().forPath('/', 'v')).toMatchObject({ version: 1 })],
    ['transaction', async (keeper) => expect(await keeper.transaction().create('/x').commit()).toHaveLength(1)],
    [
      'protected create',
      async (keeper) => expect(await keeper.create().withProtection().forPath('/x')).toMatch(/^\/_c_/),
    ],
    [
      'sequential create',
      async (keeper) =>
        expect(await keeper.create().withMode('PERSISTENT_SEQUENTIAL').forPath('/')).toBe('/0000000000'),
    ],
  ] as const satisfies [string, (keeper: Awaited<ReturnType<typeof on.keeper>>) => Promise<void>][])(
    'is made by %s, too, several levels of it',
    async (_, use) => {
      await use(await on.keeper({ namespace: `${freshPath('core').slice(1)}/a/b` }));
    },
  );

  it('is not made by what needs something in it', async () => {
    const keeper = await on.keeper();
    await expect(keeper.getData().forPath('/x')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.delete().forPath('/x')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.transaction().check('/x').create('/y').commit()).rejects.toThrow(/NONODE/);
    expect(await keeper.usingNamespace('').exists().forPath(`/${keeper.namespace}`)).toBeNull();
  });

  it('fails a transaction that deletes it and needs it', async () => {
    const keeper = await on.keeper();
    await keeper.exists().forPath('/');
    await expect(keeper.transaction().delete('/').create('/x').commit()).rejects.toMatchObject({ failedIndex: 1 });
  });

  it('is not seen in events', async () => {
    const keeper = await on.keeper();
    const events: WatchedEvent[] = [];
    const listener = (event: WatchedEvent): void => void events.push(event);
    await keeper.create().forPath('/x');
    const all = await keeper.watch().forPath('/', (event) => events.push(event));
    await keeper.exists().watching(listener).forPath('/x');
    await keeper.getChildren().watching(listener).forPath('/');
    await keeper.delete().forPath('/x');
    expect(events.map(({ type, path }) => `${type} ${path}`).sort()).toEqual([
      'NodeChildrenChanged /',
      'NodeDeleted /x',
      'NodeDeleted /x',
    ]);
    await all.remove();
  });

  it('is one of several over the same session', async () => {
    const keeper = await on.keeper();
    const other = keeper.usingNamespace(`${keeper.namespace}/other`);
    expect(other.namespace).toBe(`${keeper.namespace}/other`);
    await other.create().withMode('EPHEMERAL').forPath('/x');
    expect(await keeper.exists().forPath('/other/x')).toMatchObject({ ephemeralOwner: keeper.sessionId });
    expect(other.sessionId).toBe(keeper.sessionId);
    expect(other.zookeeper).toBe(keeper.zookeeper);
    expect(keeper.usingNamespace(other.namespace)).toBe(other);
    expect(other.usingNamespace(keeper.namespace)).toBe(keeper);
    expect(() => keeper.usingNamespace('/x')).toThrow(RangeError);
  });

  it('takes its access control list from the option, by its real path', async () => {
    const asked: string[] = [];
    const keeper = await on.keeper({
      acl: (path) => {
        asked.push(path);
        return [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
      },
    });
    await keeper.getChildren().forPath('/');
    expect(asked).toEqual([`/${keeper.namespace}`]);
  });
});
