import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AuthFailedError,
  BadArgumentsError,
  BadVersionError,
  type CreateMode,
  creatorAllAcl,
  digestAuth,
  digestId,
  InvalidAclError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  openAclUnsafe,
  Perms,
  ReconfigDisabledError,
  readAclUnsafe,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { Clients } from './clients.js';

describeOnSharedServer('operations on a server', () => {
  const clients = new Clients();
  let zk: ZooKeeper;
  beforeAll(async () => {
    zk = await clients.connect();
  });
  afterAll(() => clients[Symbol.asyncDispose]());

  const fresh = async (): Promise<string> => (await zk.create(freshPath('ops'))).path;

  it.each<[CreateMode, RegExp, 'own' | 'none', number?]>([
    ['PERSISTENT', /^x$/, 'none'],
    ['PERSISTENT_SEQUENTIAL', /^x0000000000$/, 'none'],
    ['EPHEMERAL', /^x$/, 'own'],
    ['EPHEMERAL_SEQUENTIAL', /^x0000000000$/, 'own'],
    ['CONTAINER', /^x$/, 'none'],
    ['PERSISTENT_WITH_TTL', /^x$/, 'none', 60_000],
    ['PERSISTENT_SEQUENTIAL_WITH_TTL', /^x0000000000$/, 'none', 2 ** 40 - 1],
  ])('create makes a znode of mode %s', async (mode, name, owner, ttlMs) => {
    const parent = await fresh();
    const { path, stat } = await zk.create(`${parent}/x`, 'data', { mode, ...(ttlMs && { ttlMs }) });
    expect(path.slice(parent.length + 1)).toMatch(name);
    expect(stat.ephemeralOwner).toBe(owner === 'own' ? zk.sessionId : 0n);
    expect(stat).toMatchObject({ version: 0, dataLength: 4, numChildren: 0, mzxid: stat.czxid, pzxid: stat.czxid });
    expect(Math.abs(stat.ctime - Date.now())).toBeLessThan(60_000);
    expect(await zk.exists(path)).toEqual(stat);
    expect(zk.lastZxid).toBeGreaterThanOrEqual(stat.czxid);
  });

  it('create numbers children, and may leave them nameless', async () => {
    const parent = await fresh();
    const mode = 'PERSISTENT_SEQUENTIAL';
    const made = await Promise.all([
      zk.create(`${parent}/`, null, { mode }),
      zk.create(`${parent}/a-`, null, { mode }),
    ]);
    expect(made.map(({ path }) => path)).toEqual([`${parent}/0000000000`, `${parent}/a-0000000001`]);
  });

  it('data is null, empty, text or bytes, each told from the others', async () => {
    const path = await fresh();
    expect((await zk.getData(path)).data).toBeNull();
    for (const [given, got] of [
      ['', Buffer.alloc(0)],
      ['grüße 😀', Buffer.from('grüße 😀')],
      [new Uint8Array([0, 255, 1]), Buffer.from([0, 255, 1])],
      [Buffer.alloc(1_000_000, 7), Buffer.alloc(1_000_000, 7)],
      [null, null],
    ] as const) {
      const stat = await zk.setData(path, given);
      const read = await zk.getData(path);
      expect(read.stat).toEqual(stat);
      expect(read.data === null ? got === null : got !== null && read.data.equals(got)).toBe(true);
    }
  });

  it('versions guard setData, delete and setAcl', async () => {
    const path = await fresh();
    expect(await zk.setData(path, '1', { version: 0 })).toMatchObject({ version: 1 });
    await expect(zk.setData(path, '2', { version: 0 })).rejects.toThrow(BadVersionError);
    expect(await zk.setData(path, '2')).toMatchObject({ version: 2 });
    await expect(zk.delete(path, { version: 1 })).rejects.toThrow(BadVersionError);
    expect(await zk.setAcl(path, openAclUnsafe, { version: 0 })).toMatchObject({ aversion: 1 });
    await expect(zk.setAcl(path, openAclUnsafe, { version: 0 })).rejects.toThrow(BadVersionError);
    await zk.delete(path, { version: 2 });
    expect(await zk.exists(path)).toBeNull();
  });

  it('getChildren, getAllChildrenNumber and getEphemerals tell who is there', async () => {
    const parent = await fresh();
    await Promise.all(['a', 'b', 'ü'].map((name) => zk.create(`${parent}/${name}`)));
    await zk.create(`${parent}/a/e`, null, { mode: 'EPHEMERAL' });
    const { children, stat } = await zk.getChildren(parent);
    expect(children.sort()).toEqual(['a', 'b', 'ü']);
    expect(stat).toMatchObject({ numChildren: 3, cversion: 3 });
    expect((await zk.getChildren(`${parent}/b`)).children).toEqual([]);
    expect(await zk.getAllChildrenNumber(parent)).toBe(4);
    expect(await zk.getEphemerals(parent)).toEqual([`${parent}/a/e`]);
    expect(await zk.getEphemerals(`${parent}/b`)).toEqual([]);
    expect(await zk.getEphemerals()).toContain(`${parent}/a/e`);
  });

  it('sync, whoAmI and getConfig answer', async () => {
    await zk.sync('/');
    expect(await zk.whoAmI()).toContainEqual({ authScheme: 'ip', user: expect.stringMatching(/\d/) });
    expect((await zk.getConfig()).stat.numChildren).toBe(0);
  });

  it('each refusal has its own class', async () => {
    const parent = await fresh();
    const ephemeral = (await zk.create(`${parent}/e`, null, { mode: 'EPHEMERAL' })).path;
    const cases: [Promise<unknown>, new (...args: never[]) => Error, string][] = [
      [zk.create(`${parent}/no/x`), NoNodeError, 'create'],
      [zk.getData(`${parent}/no`), NoNodeError, 'getData'],
      [zk.getChildren(`${parent}/no`), NoNodeError, 'getChildren'],
      [zk.setData(`${parent}/no`, ''), NoNodeError, 'setData'],
      [zk.delete(`${parent}/no`), NoNodeError, 'delete'],
      [zk.getAcl(`${parent}/no`), NoNodeError, 'getAcl'],
      [zk.setAcl(`${parent}/no`, openAclUnsafe), NoNodeError, 'setAcl'],
      [zk.getAllChildrenNumber(`${parent}/no`), NoNodeError, 'getAllChildrenNumber'],
      [zk.create(ephemeral), NodeExistsError, 'create'],
      [zk.create(`${ephemeral}/x`), NoChildrenForEphemeralsError, 'create'],
      [zk.delete(parent), NotEmptyError, 'delete'],
      [zk.delete('/'), BadArgumentsError, 'delete'],
      [zk.create(`${parent}/x`, null, { acl: [] }), InvalidAclError, 'create'],
      [zk.create(`${parent}/x`, null, { acl: creatorAllAcl }), InvalidAclError, 'create'],
      [zk.setAcl(parent, [{ perms: 1, id: { scheme: 'nobody', id: '' } }]), InvalidAclError, 'setAcl'],
      [zk.reconfig({ leaving: '9' }), ReconfigDisabledError, 'reconfig'],
    ];
    for (const [asked, errorClass, operation] of cases) {
      const error = await asked.then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(errorClass);
      expect(error).toMatchObject({ operation });
    }
  });

  it('ACLs hold against those without the credentials', async () => {
    const owner = await clients.connect(undefined, { auth: [digestAuth('ann', 'secret')] });
    const path = freshPath('acl');
    await owner.create(path, 'mine', { acl: creatorAllAcl });
    const id = digestId('ann', 'secret');
    expect((await owner.getAcl(path)).acl).toEqual([{ perms: Perms.ALL, id: { scheme: 'digest', id } }]);
    await expect(zk.getData(path)).rejects.toThrow(NoAuthError);
    await expect(zk.setData(path, '')).rejects.toThrow(NoAuthError);
    await expect(zk.create(`${path}/x`)).rejects.toThrow(NoAuthError);
    await owner.setAcl(path, [...readAclUnsafe, ...creatorAllAcl]);
    expect((await zk.getData(path)).data?.toString()).toBe('mine');
    // To others the server masks the digest.
    const masked = (await zk.getAcl(path)).acl.find(({ id: { scheme } }) => scheme === 'digest');
    expect(masked?.id.id).toBe('ann:x');
    const other = await clients.connect();
    await expect(other.setData(path, '')).rejects.toThrow(NoAuthError);
    await other.addAuth('digest', 'ann:secret');
    await other.setData(path, 'ours');
    expect(await other.whoAmI()).toContainEqual({ authScheme: 'digest', user: 'ann' });
  });

  it('an unknown scheme ends the session', async () => {
    const doomed = await clients.connect();
    await expect(doomed.addAuth('nobody', 'x')).rejects.toThrow(AuthFailedError);
    expect(doomed.state).toBe('auth-failed');
    await expect(doomed.exists('/')).rejects.toThrow(AuthFailedError);
  });

  it('many requests of one tick are answered in their order', async () => {
    const parent = await fresh();
    const mode = 'PERSISTENT_SEQUENTIAL';
    const made = await Promise.all(Array.from({ length: 3000 }, () => zk.create(`${parent}/n-`, null, { mode })));
    expect(made.map(({ path }) => Number(path.slice(-10)))).toEqual(made.map((_, i) => i));
    await Promise.all(made.map(({ path }) => zk.delete(path)));
  });

  it('a missing chroot is named when connecting', async () => {
    const chroot = freshPath('chroot');
    const connecting = clients.connect(`${sharedServer().connectString}${chroot}`);
    await expect(connecting).rejects.toMatchObject({ code: 'ZK_CHROOT_MISSING', chroot });
  });

  it('a missing chroot is created when that is wanted', async () => {
    const chroot = freshPath('chroot');
    const connectString = `${sharedServer().connectString}${chroot}/below`;
    const below = await clients.connect(connectString, { createChroot: true });
    expect((await below.create('/a')).path).toBe('/a');
    await below.delete('/a');
  });
});
