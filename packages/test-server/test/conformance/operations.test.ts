import { until } from '@zk-recipes/test-support';
import { expect, it } from 'vitest';
import {
  GetAllChildrenNumberResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
  OpCode,
  PathRequest,
} from 'zookeeper-ts-client/protocol';
import {
  addWatch,
  call,
  create,
  createPlain,
  createTtl,
  eventsOf,
  exists,
  getChildren,
  getData,
  OPEN,
  remove,
  setAcl,
  setData,
} from './calls.js';
import { describeConformance } from './subjects.js';

const READ_ONLY = [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }];
const [PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL] = [0, 1, 2, 3, 4, 5];

describeConformance('operations', {}, (subject) => {
  it('begin with the tree of a fresh server', async () => {
    const client = await subject.connect();
    expect((await getChildren(client, '/zookeeper')).value?.children.toSorted()).toEqual(['config', 'quota']);
    const stat = (await exists(client, '/zookeeper')).value;
    expect(stat).toMatchObject({ czxid: 0n, ctime: 0, version: 0, cversion: -2, aversion: 0, numChildren: 2 });
    const config = (await getData(client, '/zookeeper/config')).value;
    expect(config).toMatchObject({ data: Buffer.alloc(0), stat: { aversion: -1 } });
  });

  it('change of a Stat what the reference says, and nothing else', async () => {
    const client = await subject.connect();
    const made = await create(client, '/stat', { data: Buffer.from('abc') });
    const czxid = made.zxid;
    const fresh = { czxid, mzxid: czxid, pzxid: czxid, version: 0, cversion: 0, aversion: 0, dataLength: 3 };
    expect(made.value?.stat).toMatchObject({ ...fresh, ephemeralOwner: 0n, numChildren: 0 });
    const changed = await setData(client, '/stat', 'longer');
    expect(changed.value).toMatchObject({ ...fresh, mzxid: changed.zxid, version: 1, dataLength: 6 });
    const child = await createPlain(client, '/stat/child');
    const withChild = (await exists(client, '/stat')).value;
    expect(withChild).toMatchObject({ version: 1, cversion: 1, numChildren: 1, pzxid: child.zxid });
    const gone = await remove(client, '/stat/child');
    const without = (await exists(client, '/stat')).value;
    expect(without).toMatchObject({ cversion: 2, numChildren: 0, pzxid: gone.zxid, mzxid: changed.zxid });
    const guarded = (await setAcl(client, '/stat', OPEN)).value;
    expect(guarded).toMatchObject({ aversion: 1, version: 1, mzxid: changed.zxid, pzxid: gone.zxid });
  });

  it('tell null data from empty data', async () => {
    const client = await subject.connect();
    await create(client, '/null', { data: null });
    await create(client, '/empty', { data: Buffer.alloc(0) });
    expect((await getData(client, '/null')).value).toMatchObject({ data: null, stat: { dataLength: 0 } });
    expect((await getData(client, '/empty')).value?.data).toEqual(Buffer.alloc(0));
  });

  it('number sequential znodes by all children ever created', async () => {
    const client = await subject.connect();
    await createPlain(client, '/seq');
    const paths: (string | undefined)[] = [];
    for (const flags of [SEQUENTIAL, PERSISTENT, EPHEMERAL_SEQUENTIAL]) {
      paths.push((await createPlain(client, '/seq/n-', flags)).value?.path);
    }
    await remove(client, '/seq/n-');
    paths.push((await createPlain(client, '/seq/', SEQUENTIAL)).value?.path);
    expect(paths).toEqual(['/seq/n-0000000000', '/seq/n-', '/seq/n-0000000002', '/seq/0000000003']);
  });

  it('check a create in order: flags, TTL, path, ACL, parent, permission, whole path, existence, parent kind', async () => {
    const client = await subject.connect();
    await create(client, '/guarded', { acl: READ_ONLY });
    await createPlain(client, '/owned', EPHEMERAL);
    const errors = async (...attempts: readonly [path: string, flags: number, acl?: typeof OPEN][]) => {
      const found: number[] = [];
      for (const [path, flags, acl = OPEN] of attempts) found.push((await create(client, path, { flags, acl })).err);
      return found;
    };
    expect(await errors(['noslash', 9, []], ['noslash', TTL, []], ['noslash', 0, []], ['/a\0', 0, []])).toEqual([
      -8, -8, -8, -8,
    ]);
    expect(await errors(['/missing//x', 0, []], ['/missing/x/', 0], ['/guarded//x', 0])).toEqual([-114, -101, -101]);
    expect(await errors(['/guarded/..', 0], ['/owned/..', 0], ['/owned', 0], ['/owned/x', 0])).toEqual([
      -102, -8, -110, -108,
    ]);
    expect(await errors(['/', 0], ['', 0], ['/x/', 0], ['/\u{1f600}', 0], ['/a..b', 0])).toEqual([
      -110, -8, -101, -8, 0,
    ]);
  });

  it('check TTLs, and do not show them', async () => {
    const client = await subject.connect();
    const errors: number[] = [];
    for (const ttl of [0, -1, 2 ** 40, 2 ** 40 - 1]) errors.push((await createTtl(client, '/ttl', ttl)).err);
    expect(errors).toEqual([-8, -8, -8, 0]);
    expect((await createTtl(client, '/not-ttl', 1000, PERSISTENT)).err).toBe(-8);
    expect((await exists(client, '/ttl')).value?.ephemeralOwner).toBe(0n);
  });

  it('let the operation decide what is a container, not the flags', async () => {
    const client = await subject.connect();
    const { createContainer } = OpCode;
    expect((await create(client, '/c1', { opCode: createContainer, flags: PERSISTENT })).err).toBe(0);
    expect((await create(client, '/c2', { flags: CONTAINER })).err).toBe(0);
    expect((await exists(client, '/c1')).value?.ephemeralOwner).toBe(0n);
  });

  it('check a delete in order: path, parent, znode, version, children', async () => {
    const client = await subject.connect();
    for (const path of ['/del', '/del/child']) await createPlain(client, path);
    const errors: number[] = [];
    for (const path of ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', 'x', '/x\0']) {
      errors.push((await remove(client, path)).err);
    }
    expect(errors).toEqual([-8, -8, -8, -8, -8, -8]);
    expect((await remove(client, '/missing/x')).err).toBe(-101);
    expect((await remove(client, '/del/other')).err).toBe(-101);
    expect((await remove(client, '/del', 3)).err).toBe(-103);
    expect((await remove(client, '/del', 0)).err).toBe(-111);
    expect((await remove(client, '/del/child', 0)).err).toBe(0);
  });

  it('check setData and setACL in order', async () => {
    const client = await subject.connect();
    await createPlain(client, '/set');
    expect((await setData(client, '/set/', 'x')).err).toBe(-8);
    expect((await setData(client, '/missing', 'x')).err).toBe(-101);
    expect((await setData(client, '/set', 'x', 1)).err).toBe(-103);
    expect((await setAcl(client, '//', [])).err).toBe(-8);
    expect((await setAcl(client, '/missing', [])).err).toBe(-114);
    expect((await setAcl(client, '/missing', OPEN)).err).toBe(-101);
    expect((await setAcl(client, '/set', OPEN, 1)).err).toBe(-103);
  });

  it('use up a zxid for a write that fails, and none for a read', async () => {
    const client = await subject.connect();
    const before = (await exists(client, '/')).zxid;
    expect((await remove(client, '/missing')).zxid).toBe(before + 1n);
    expect((await getData(client, '/')).zxid).toBe(before + 1n);
    expect((await createPlain(client, '/zxid')).zxid).toBe(before + 2n);
  });

  it('leave watches for exists on a missing znode, and none for getData and getChildren', async () => {
    const [client, other] = [await subject.connect(), await subject.connect()];
    expect((await getData(client, '/later', true)).err).toBe(-101);
    expect((await getChildren(client, '/later', true)).err).toBe(-101);
    await createPlain(other, '/later');
    expect(await eventsOf(client)).toEqual([]);
    expect((await exists(client, '/later/x', true)).err).toBe(-101);
    await createPlain(other, '/later/x');
    expect(await eventsOf(client)).toEqual(['1 /later/x']);
  });

  it('echo the path of sync, whatever it is', async () => {
    const client = await subject.connect();
    for (const path of ['/nowhere', '']) {
      expect((await call(client, OpCode.sync, PathRequest, { path }, PathRequest)).value).toEqual({ path });
    }
  });

  it('list a session’s own ephemerals by a prefix of text', async () => {
    const [client, other] = [await subject.connect(), await subject.connect()];
    for (const path of ['/eph-a', '/eph-ab', '/eph-b']) await createPlain(client, path, EPHEMERAL);
    await createPlain(other, '/eph-other', EPHEMERAL);
    const list = async (prefixPath: string) => {
      const { value } = await call(
        client,
        OpCode.getEphemerals,
        GetEphemeralsRequest,
        { prefixPath },
        GetEphemeralsResponse,
      );
      return value?.ephemerals.toSorted();
    };
    expect(await list('/eph-a')).toEqual(['/eph-a', '/eph-ab']);
    expect(await list('/')).toEqual(['/eph-a', '/eph-ab', '/eph-b']);
    expect(await list(' ')).toHaveLength(3);
  });

  it('count all descendants', async () => {
    const client = await subject.connect();
    for (const path of ['/count', '/count/a', '/count/a/b', '/count-not']) await createPlain(client, path);
    const { value } = await call(
      client,
      OpCode.getAllChildrenNumber,
      PathRequest,
      { path: '/count' },
      GetAllChildrenNumberResponse,
    );
    expect(value?.totalNumber).toBe(2);
  });

  it('refuse a record that is cut short, and keep the connection; what is behind a whole one does not matter', async () => {
    const client = await subject.connect();
    client.sendBytes(OpCode.getData, Buffer.from('00000002', 'hex'));
    expect((await client.nextReply()).reply).toMatchObject({ err: -5 });
    client.sendBytes(OpCode.getData, Buffer.from('ffffffff00', 'hex'));
    expect((await client.nextReply()).reply).toMatchObject({ err: -5 });
    client.sendBytes(OpCode.exists, Buffer.from('000000012f00ffffff', 'hex'));
    expect((await client.nextReply()).reply).toMatchObject({ err: 0 });
  });
});

describeConformance('containers and TTL znodes', { containerCheckIntervalMs: 50 }, (subject) => {
  it('are removed when they are empty, and their watchers told', async () => {
    const client = await subject.connect();
    // Before there is anything that could be removed: a watch set afterwards may come too late. And by a client that does
    // nothing else: what it hears before the reply to a request goes unnoticed.
    const watcher = await subject.connect();
    for (const path of ['/used', '/brief']) await addWatch(watcher, path, PERSISTENT);
    await create(client, '/used', { opCode: OpCode.createContainer, flags: CONTAINER });
    await create(client, '/unused', { opCode: OpCode.createContainer, flags: CONTAINER });
    await createPlain(client, '/used/child');
    await createTtl(client, '/brief', 1);
    await createTtl(client, '/lasting', 1_000_000);
    await remove(client, '/used/child');
    const heard = new Set<string>();
    const removals = async (): Promise<true | undefined> => {
      for (const event of await eventsOf(watcher)) heard.add(event);
      return heard.has('2 /used') && heard.has('2 /brief') ? true : undefined;
    };
    await until(removals, { what: 'the removals', timeoutMs: 20_000 });
    expect((await exists(client, '/unused')).err).toBe(0);
    expect((await exists(client, '/lasting')).err).toBe(0);
  });
});
