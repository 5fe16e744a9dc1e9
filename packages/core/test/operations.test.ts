import { networkInterfaces } from 'node:os';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import {
  BadVersionError,
  creatorAllAcl,
  digestAuth,
  digestId,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  openAclUnsafe,
  readAclUnsafe,
} from '../src/index.js';
import { stage } from './stage.js';

describeOnSharedServer('the fluent API', () => {
  const on = stage();

  it('creates, reads, writes and deletes', async () => {
    const keeper = await on.keeper();
    expect(await keeper.create().forPath('/x', 'one')).toBe('/x');
    expect(await keeper.getData().forPath('/x')).toEqual(Buffer.from('one'));
    expect(await keeper.setData().withVersion(0).forPath('/x', Buffer.from('two'))).toMatchObject({ version: 1 });
    const { data, stat } = await keeper.getData().withStat().forPath('/x');
    expect(data?.toString()).toBe('two');
    expect(await keeper.exists().forPath('/x')).toEqual(stat);
    await keeper.delete().withVersion(1).forPath('/x');
    expect(await keeper.exists().forPath('/x')).toBeNull();
  });

  it('tells null, empty and default data apart', async () => {
    const keeper = await on.keeper({ defaultData: 'default' });
    await keeper.create().forPath('/default');
    await keeper.create().forPath('/empty', Buffer.alloc(0));
    await keeper.create().forPath('/null', null);
    await keeper.transaction().create('/in-transaction').commit();
    expect((await keeper.getData().forPath('/default'))?.toString()).toBe('default');
    expect((await keeper.getData().forPath('/in-transaction'))?.toString()).toBe('default');
    expect(await keeper.getData().forPath('/empty')).toEqual(Buffer.alloc(0));
    expect(await keeper.getData().forPath('/null')).toBeNull();
  });

  it('stores nothing where the data is none', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/there', 'before');
    await expect(keeper.create().forPath('/x', { a: 1 } as never)).rejects.toThrow(TypeError);
    await expect(
      keeper
        .create()
        .orSetData()
        .forPath('/there', new Uint16Array(1) as never),
    ).rejects.toThrow(TypeError);
    await expect(keeper.setData().forPath('/there', [1] as never)).rejects.toThrow(TypeError);
    expect(await keeper.exists().forPath('/x')).toBeNull();
    expect((await keeper.getData().forPath('/there'))?.toString()).toBe('before');
  });

  it('takes credentials as a string, as their type says', async () => {
    const keeper = await on.keeper({ auth: [{ scheme: 'digest', auth: 'ann:secret' }] });
    await keeper.create().withAcl(creatorAllAcl).forPath('/x', 'for ann');
    expect((await keeper.getAcl().forPath('/x')).map(({ id }) => id)).toEqual([
      { scheme: 'digest', id: digestId('ann', 'secret') },
    ]);
  });

  it('writes an address of this machine where no data is given', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/x', { signal: new AbortController().signal });
    const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address));
    expect(own).toContain((await keeper.getData().forPath('/x'))?.toString());
  });

  it('creates in every mode', async () => {
    const keeper = await on.keeper();
    const ephemeral = await keeper.create().withMode('EPHEMERAL').withStat().forPath('/e');
    expect(ephemeral).toMatchObject({ path: '/e', stat: { ephemeralOwner: keeper.sessionId } });
    expect(await keeper.create().withMode('EPHEMERAL_SEQUENTIAL').forPath('/s-')).toBe('/s-0000000001');
    expect(await keeper.create().withMode('PERSISTENT_SEQUENTIAL').forPath('/')).toBe('/0000000002');
    expect(await keeper.create().withMode('CONTAINER').forPath('/c')).toBe('/c');
    expect(await keeper.create().withMode('PERSISTENT_WITH_TTL').withTtl(60_000).forPath('/ttl')).toBe('/ttl');
    await expect(keeper.create().withTtl(60_000).forPath('/no-ttl')).rejects.toThrow(/ttlMs/);
    const inTransaction = keeper.transaction().create('/', null, { mode: 'PERSISTENT_SEQUENTIAL' });
    expect(await inTransaction.commit()).toMatchObject([{ type: 'create', path: '/0000000005' }]);
    expect((await keeper.getChildren().forPath('/')).sort()).toEqual(
      ['0000000002', '0000000005', 'c', 'e', 's-0000000001', 'ttl'].sort(),
    );
  });

  it('protects names', async () => {
    const keeper = await on.keeper();
    const path = await keeper.create().creatingParents().withProtection().forPath('/locks/lock-');
    expect(path).toMatch(/^\/locks\/_c_[0-9a-f-]{36}-lock-$/);
    expect(await keeper.create().withProtection().withMode('EPHEMERAL_SEQUENTIAL').forPath('/')).toMatch(
      /^\/_c_[^/]*-\d{10}$/,
    );
  });

  it('says what the server says', async () => {
    const keeper = await on.keeper();
    await keeper.create().creatingParents().forPath('/a/b');
    await expect(keeper.create().forPath('/a/b')).rejects.toBeInstanceOf(NodeExistsError);
    await expect(keeper.create().forPath('/none/b')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.delete().forPath('/a')).rejects.toBeInstanceOf(NotEmptyError);
    await expect(keeper.delete().forPath('/none')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.delete().guaranteed().forPath('/none')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.setData().withVersion(7).forPath('/a/b', 'x')).rejects.toBeInstanceOf(BadVersionError);
    await expect(keeper.getData().forPath('/none')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.getChildren().forPath('/none')).rejects.toBeInstanceOf(NoNodeError);
    await expect(keeper.create().forPath('relative')).rejects.toThrow(
      "Expected `path` to start with '/', got 'relative'",
    );
  });

  it('sets data where the znode is there already', async () => {
    const keeper = await on.keeper();
    expect(await keeper.create().orSetData().withStat().forPath('/x', 'one')).toMatchObject({ stat: { version: 0 } });
    expect(await keeper.create().orSetData().withStat().forPath('/x', 'two')).toMatchObject({
      path: '/x',
      stat: { version: 1 },
    });
    await expect(keeper.create().orSetData(0).forPath('/x', 'three')).rejects.toBeInstanceOf(BadVersionError);
    expect((await keeper.getData().forPath('/x'))?.toString()).toBe('two');
  });

  it('takes for done what is done, when it is idempotent', async () => {
    const keeper = await on.keeper();
    const create = keeper.create().idempotent();
    expect(await create.forPath('/x', 'one')).toBe('/x');
    expect(await create.forPath('/x', 'one')).toBe('/x');
    await expect(create.forPath('/x', 'other')).rejects.toBeInstanceOf(NodeExistsError);
    await expect(create.withMode('EPHEMERAL').forPath('/x', 'one')).rejects.toBeInstanceOf(NodeExistsError);

    const setData = keeper.setData().idempotent().withVersion(0);
    expect(await setData.forPath('/x', 'two')).toMatchObject({ version: 1 });
    expect(await setData.forPath('/x', 'two')).toMatchObject({ version: 1 });
    await expect(setData.forPath('/x', 'other')).rejects.toBeInstanceOf(BadVersionError);
    await expect(create.forPath('/x', 'two')).rejects.toBeInstanceOf(NodeExistsError);

    await keeper.delete().idempotent().forPath('/x');
    await keeper.delete().idempotent().forPath('/x');
    await keeper.delete().quietly().forPath('/x');
  });

  it('does not take another session’s ephemeral for its own', async () => {
    const keeper = await on.keeper();
    const other = await on.keeper({ namespace: keeper.namespace });
    await other.create().withMode('EPHEMERAL').forPath('/x', 'same');
    await expect(keeper.create().withMode('EPHEMERAL').idempotent().forPath('/x', 'same')).rejects.toBeInstanceOf(
      NodeExistsError,
    );
  });

  it('deletes whole trees', async () => {
    const keeper = await on.keeper();
    await Promise.all(
      ['/t/a/1', '/t/a/2', '/t/b/1/x', '/t/b/1/y', '/t/c'].map((path) =>
        keeper.create().creatingParents().forPath(path),
      ),
    );
    await keeper.delete().deletingChildren().forPath('/t');
    expect(await keeper.getChildren().forPath('/')).toEqual([]);
    await keeper.delete().deletingChildren().quietly().forPath('/t');
  });

  it('gives new znodes the access control list of the option, by their real paths, and of the call', async () => {
    const asked: string[] = [];
    const keeper = await on.keeper({
      acl: (path) => {
        asked.push(path);
        return path.endsWith('/secret') ? creatorAllAcl : openAclUnsafe;
      },
      auth: [digestAuth('ann', 'secret')],
    });
    await keeper.create().creatingParents().forPath('/parent/secret');
    expect(asked).toEqual(
      expect.arrayContaining([`/${keeper.namespace}/parent`, `/${keeper.namespace}/parent/secret`]),
    );
    expect(await keeper.getAcl().forPath('/parent')).toEqual(openAclUnsafe);
    expect(await keeper.getAcl().forPath('/parent/secret')).toEqual([
      { perms: 31, id: { scheme: 'digest', id: digestId('ann', 'secret') } },
    ]);
    await keeper.create().withAcl(readAclUnsafe).forPath('/other/secret'.replace('/other', ''));
    expect(await keeper.getAcl().forPath('/secret')).toEqual(readAclUnsafe);
  });

  it('sets access control lists', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/x');
    expect(await keeper.setAcl().withAcl(readAclUnsafe).withVersion(0).forPath('/x')).toMatchObject({ aversion: 1 });
    expect(await keeper.getAcl().withStat().forPath('/x')).toMatchObject({ acl: readAclUnsafe, stat: { aversion: 1 } });
    await expect(keeper.setData().forPath('/x', 'no')).rejects.toThrow(/NOAUTH/);
  });

  it('does all of a transaction or none', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/state', 'one');
    await keeper.create().forPath('/old');
    const next = keeper
      .transaction()
      .check('/state', 0)
      .setData('/state', 'two', { version: 0 })
      .create('/log-', 'entry', { mode: 'PERSISTENT_SEQUENTIAL' })
      .delete('/old');
    expect(await next.commit()).toMatchObject([
      { type: 'check' },
      { type: 'setData', stat: { version: 1 } },
      { type: 'create', path: '/log-0000000002' },
      { type: 'delete' },
    ]);
    await expect(next.commit()).rejects.toMatchObject({ name: 'MultiError', failedIndex: 0 });
    expect((await keeper.getChildren().forPath('/')).sort()).toEqual(['log-0000000002', 'state']);
  });

  it('lets several calls of one tick leave at once, in their order', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/seen', '0');
    const results = await Promise.all([
      keeper.setData().forPath('/seen', '1'),
      keeper.getData().forPath('/seen'),
      keeper.setData().forPath('/seen', '2'),
      keeper.sync().forPath('/seen'),
      keeper.getData().forPath('/seen'),
    ]);
    expect([results[1]?.toString(), results[4]?.toString()]).toEqual(['1', '2']);
  });
});

describeOnSharedServer('builders', () => {
  const on = stage();

  it('are immutable: one can be kept, gone on with in two ways, and used again', async () => {
    const keeper = await on.keeper();
    const plain = keeper.create();
    const numbered = plain.withMode('PERSISTENT_SEQUENTIAL');
    const parental = plain.creatingParents();
    expect(await plain.forPath('/a')).toBe('/a');
    expect(await numbered.forPath('/b-')).toBe('/b-0000000001');
    expect(await numbered.forPath('/b-')).toBe('/b-0000000002');
    await expect(plain.forPath('/c/d')).rejects.toBeInstanceOf(NoNodeError);
    expect(await parental.forPath('/c/d')).toBe('/c/d');

    const begun = keeper.transaction().check('/a');
    await begun.create('/e').commit();
    await begun.create('/f').commit();
    expect(await begun.commit()).toHaveLength(1);

    const read = keeper.getData();
    expect(Buffer.isBuffer(await read.forPath('/a'))).toBe(true);
    expect(await read.withStat().forPath('/a')).toMatchObject({ stat: { version: 0 } });
    const remove = keeper.delete();
    await remove.quietly().forPath('/none');
    await expect(remove.forPath('/none')).rejects.toBeInstanceOf(NoNodeError);
  });

  it('are never thenable: to await one by mistake does nothing', async () => {
    const keeper = await on.keeper();
    const all: unknown[] = [
      keeper.create(),
      keeper.delete(),
      keeper.exists(),
      keeper.getData(),
      keeper.setData(),
      keeper.getChildren(),
      keeper.getAcl(),
      keeper.setAcl(),
      keeper.sync(),
      keeper.watch(),
      keeper.removeWatch(() => {}),
      keeper.transaction(),
      keeper,
    ];
    for (const builder of all) expect(await builder).toBe(builder);
  });
});
