import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BadVersionError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  op,
  RequestRejectedError,
  RuntimeInconsistencyError,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { Clients, Events } from './clients.js';

describeOnSharedServer('on a server', () => {
  const clients = new Clients();
  let zk: ZooKeeper;
  let parent: string;
  beforeAll(async () => {
    zk = await clients.connect();
    parent = (await zk.create(freshPath('multi'), 'v0')).path;
  });
  afterAll(() => clients[Symbol.asyncDispose]());

  it('multi does all, in its order, with one zxid', async () => {
    const results = await zk.multi([
      op.check(parent, { version: 0 }),
      op.create(`${parent}/a`, 'A'),
      op.create(`${parent}/a/s-`, null, { mode: 'EPHEMERAL_SEQUENTIAL' }),
      op.create(`${parent}/a/s-`, null, { mode: 'EPHEMERAL_SEQUENTIAL' }),
      op.create(`${parent}/c`, null, { mode: 'CONTAINER' }),
      op.create(`${parent}/t`, null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1e6 }),
      op.setData(`${parent}/a`, 'B', { version: 0 }),
      op.delete(`${parent}/t`),
    ]);
    expect(results.map(({ type }) => type)).toEqual([
      'check',
      'create',
      'create',
      'create',
      'create',
      'create',
      'setData',
      'delete',
    ]);
    const paths = results.flatMap((result) => (result.type === 'create' ? [result.path] : []));
    const numbered = [`${parent}/a/s-0000000000`, `${parent}/a/s-0000000001`];
    expect(paths).toEqual([`${parent}/a`, ...numbered, `${parent}/c`, `${parent}/t`]);
    const { data, stat } = await zk.getData(`${parent}/a`);
    expect(data?.toString()).toBe('B');
    expect(stat.czxid).toBe(stat.mzxid);
    // Servers before 3.7.2 and 3.8.2 leave the `Stat` of a plain create out, never that of a container or a TTL znode.
    const stats = results.flatMap((result) => (result.type === 'create' ? [result.stat] : []));
    for (const one of stats) if (one !== null) expect(one.czxid).toBe(stat.czxid);
    expect(stats[3]).not.toBeNull();
  });

  it('multi does nothing when one operation is refused, and says which', async () => {
    const before = await zk.exists(parent);
    const error: unknown = await zk
      .multi([
        op.create(`${parent}/new`),
        op.check(parent, { version: 77 }),
        op.create(`${parent}/a`),
        op.delete(`${parent}/no`),
      ])
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MultiError);
    const { failedIndex, results, path, errorCode, cause } = error as MultiError;
    expect({ failedIndex, path, errorCode }).toEqual({ failedIndex: 1, path: parent, errorCode: -103 });
    expect(results.map((result) => result.error?.constructor ?? null)).toEqual([
      null,
      BadVersionError,
      RuntimeInconsistencyError,
      RuntimeInconsistencyError,
    ]);
    expect(cause).toBeInstanceOf(BadVersionError);
    expect(await zk.exists(`${parent}/new`)).toBeNull();
    expect(await zk.exists(parent)).toEqual(before);
  });

  it('multi of nothing has no results', async () => {
    expect(await zk.multi([])).toEqual([]);
  });

  it('multiRead gives each read its value or its own error', async () => {
    const results = await zk.multiRead([op.getData(parent), op.getData(`${parent}/no`), op.getChildren(parent)]);
    expect(results[0]).toMatchObject({ type: 'getData', data: Buffer.from('v0') });
    expect(results[1]).toMatchObject({ type: 'error', error: { path: `${parent}/no`, operation: 'getData' } });
    expect((results[1] as { error: unknown }).error).toBeInstanceOf(NoNodeError);
    expect([...(results[2] as { readonly children: readonly string[] }).children].sort()).toEqual(['a', 'c']);
  });

  it('an operation of the wrong kind is refused before it is sent', async () => {
    await expect(zk.multi([op.getData(parent) as never])).rejects.toThrow(TypeError);
    await expect(zk.multiRead([op.delete(parent) as never])).rejects.toThrow(TypeError);
    expect(RequestRejectedError).toBeDefined();
  });

  describe('below a chroot', () => {
    let below: ZooKeeper;
    let root: string;
    beforeAll(async () => {
      root = (await zk.create(freshPath('root'))).path;
      below = await clients.connect(`${sharedServer().connectString}${root}`);
    });

    it('paths of results are the client’s', async () => {
      expect((await below.create('/a', 'A')).path).toBe('/a');
      const mode = 'EPHEMERAL_SEQUENTIAL';
      expect((await below.create('/', null, { mode })).path).toBe('/0000000001');
      expect((await below.create('/a/e-', null, { mode })).path).toBe('/a/e-0000000000');
      expect((await below.getEphemerals()).sort()).toEqual(['/0000000001', '/a/e-0000000000']);
      expect((await below.getEphemerals('')).sort()).toEqual(['/0000000001', '/a/e-0000000000']);
      expect(await below.getEphemerals('/a')).toEqual(['/a/e-0000000000']);
      expect((await zk.getData(`${root}/a`)).data?.toString()).toBe('A');
      expect((await below.getChildren('/')).children.sort()).toEqual(['0000000001', 'a']);
      expect(await below.getAllChildrenNumber('/')).toBe(3);
      const made = await below.multi([op.create('/m'), op.create('/m/n-', null, { mode }), op.check('/a')]);
      expect(made.map((result) => (result.type === 'create' ? result.path : result.type))).toEqual([
        '/m',
        '/m/n-0000000000',
        'check',
      ]);
      const refused = below.multi([op.create('/x'), op.create('/a')]);
      await expect(refused).rejects.toMatchObject({ failedIndex: 1, path: '/a', cause: expect.any(NodeExistsError) });
      const [read] = await below.multiRead([op.getData('/no')]);
      expect(read).toMatchObject({ type: 'error', error: { path: '/no' } });
      await below.sync('/a');
      expect((await below.getConfig()).stat).toBeDefined();
    });

    it('paths of events are the client’s, those of the root too', async () => {
      const events = new Events();
      await below.exists('/', { watch: events.watch });
      await below.getChildren('/', { watch: events.watch });
      await below.addWatch('/', 'PERSISTENT_RECURSIVE', events.watch);
      await zk.create(`${root}/seen`);
      await zk.setData(root, 'x');
      await zk.create(`${root}/seen/below`);
      expect(await events.until(4)).toEqual([
        'NodeCreated /seen',
        'NodeChildrenChanged /',
        'NodeDataChanged /',
        'NodeCreated /seen/below',
      ]);
    });

    it('the chroot itself cannot be deleted by its name in the client', async () => {
      await expect(below.delete('/')).rejects.toThrow('BADARGUMENTS');
      expect(await zk.exists(root)).not.toBeNull();
    });
  });
});
