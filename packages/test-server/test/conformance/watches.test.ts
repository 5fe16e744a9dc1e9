import { expect, it } from 'vitest';
import { EventType, OpCode, RemoveWatchesRequest, SetWatches, SetWatches2 } from 'zookeeper-ts-client/protocol';
import {
  addWatch,
  call,
  create,
  createPlain,
  eventsOf,
  exists,
  getChildren,
  getData,
  remove,
  removeWatches,
  setAcl,
  setData,
} from './calls.js';
import { describeConformance } from './subjects.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventType;
const [PERSISTENT, RECURSIVE] = [0, 1];
const WRITE_ONLY = [{ perms: 30, id: { scheme: 'world', id: 'anyone' } }];

describeConformance('watches', {}, (subject) => {
  it('fire once, before the reply of one’s own write', async () => {
    const client = await subject.connect();
    await createPlain(client, '/w1');
    await getData(client, '/w1', true);
    expect((await setData(client, '/w1', 'a')).events).toEqual([`${NodeDataChanged} /w1`]);
    expect((await setData(client, '/w1', 'b')).events).toEqual([]);
  });

  it('carry the zxid of the transaction, where the version has it', async () => {
    const client = await subject.connect();
    await createPlain(client, '/wz');
    await getData(client, '/wz', true);
    client.sendBytes(OpCode.delete, Buffer.from('000000032f777affffffff', 'hex'));
    const { reply, events } = await client.nextReply();
    expect(events).toMatchObject([
      { type: NodeDeleted, state: 3, path: '/wz', zxid: subject.behaviour.notificationHasZxid ? reply?.zxid : -1n },
    ]);
  });

  it('tell one client once, whatever it registered for', async () => {
    const client = await subject.connect();
    await createPlain(client, '/w2');
    for (const watch of [exists, getData, getData]) await watch(client, '/w2', true);
    expect((await setData(client, '/w2', 'x')).events).toEqual([`${NodeDataChanged} /w2`]);
  });

  it('tell of a deletion once to who watches data and children, then the parent’s watchers', async () => {
    const client = await subject.connect();
    for (const path of ['/w3', '/w3/c']) await createPlain(client, path);
    await getChildren(client, '/w3', true);
    await getChildren(client, '/w3/c', true);
    await getData(client, '/w3/c', true);
    expect((await remove(client, '/w3/c')).events).toEqual([`${NodeDeleted} /w3/c`, `${NodeChildrenChanged} /w3`]);
  });

  it('are not fired by setACL, a failed write, or sync', async () => {
    const client = await subject.connect();
    await createPlain(client, '/w4');
    await getData(client, '/w4', true);
    await setAcl(client, '/w4', [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]);
    await setData(client, '/w4', 'x', 9);
    expect(await eventsOf(client)).toEqual([]);
  });

  it('end with the connection, and do not come back with the session', async () => {
    const [client, other] = [await subject.connect(), await subject.connect()];
    await createPlain(other, '/w5');
    await getData(client, '/w5', true);
    client.socket.destroy();
    await client.ended();
    const again = await subject.connect({
      sessionId: client.sessionId,
      password: client.response?.passwd ?? null,
    });
    await setData(other, '/w5', 'x');
    expect(await eventsOf(again)).toEqual([]);
  });

  it('stay when they are persistent, for the znode and its children', async () => {
    const client = await subject.connect();
    expect((await addWatch(client, '/p', PERSISTENT)).err).toBe(0);
    expect((await createPlain(client, '/p')).events).toEqual([`${NodeCreated} /p`]);
    expect((await createPlain(client, '/p/c')).events).toEqual([`${NodeChildrenChanged} /p`]);
    expect((await setData(client, '/p/c', 'x')).events).toEqual([]);
    expect((await setData(client, '/p', 'x')).events).toEqual([`${NodeDataChanged} /p`]);
    await remove(client, '/p/c');
    expect((await remove(client, '/p')).events).toEqual([`${NodeDeleted} /p`]);
    expect((await createPlain(client, '/p')).events).toEqual([`${NodeCreated} /p`]);
  });

  it('see all below when they are recursive, and no list of children', async () => {
    const client = await subject.connect();
    await addWatch(client, '/rec', RECURSIVE);
    expect((await createPlain(client, '/rec')).events).toEqual([`${NodeCreated} /rec`]);
    expect((await createPlain(client, '/rec/a')).events).toEqual([`${NodeCreated} /rec/a`]);
    expect((await createPlain(client, '/rec/a/b')).events).toEqual([`${NodeCreated} /rec/a/b`]);
    expect((await setData(client, '/rec/a/b', 'x')).events).toEqual([`${NodeDataChanged} /rec/a/b`]);
    expect((await remove(client, '/rec/a/b')).events).toEqual([`${NodeDeleted} /rec/a/b`]);
    expect((await createPlain(client, '/recluse')).events).toEqual([]);
  });

  it('combine their modes, where the version keeps several', async () => {
    const client = await subject.connect();
    await createPlain(client, '/modes');
    await addWatch(client, '/modes', PERSISTENT);
    await getData(client, '/modes', true);
    await setData(client, '/modes', '1');
    const { events } = await setData(client, '/modes', '2');
    expect(events.length > 0).toBe(subject.behaviour.keepsSeveralModes);
  });

  it('of an unknown mode are refused', async () => {
    const client = await subject.connect();
    expect((await addWatch(client, '/x', 2)).err).toBe(-5);
  });

  it('are removed by their kind', async () => {
    const client = await subject.connect();
    await createPlain(client, '/rm');
    expect((await removeWatches(client, '/rm', 2)).err).toBe(-121);
    await getData(client, '/rm', true);
    expect((await removeWatches(client, '/rm', 1)).err).toBe(-121);
    expect((await removeWatches(client, '/rm', 2)).err).toBe(0);
    expect((await setData(client, '/rm', 'x')).events).toEqual([]);
    await addWatch(client, '/rm', PERSISTENT);
    expect((await removeWatches(client, '/rm', 3)).err).toBe(0);
    expect((await setData(client, '/rm', 'y')).events).toEqual([]);
    for (const type of [0, 6]) expect((await removeWatches(client, '/rm', type)).err).toBe(-5);
  });

  it('of the kinds 4 and 5 are removed, where the version knows them', async () => {
    const client = await subject.connect();
    await addWatch(client, '/rm4', PERSISTENT);
    expect((await removeWatches(client, '/rm4', 4)).err).toBe(subject.behaviour.hasPersistentWatcherTypes ? 0 : -5);
  });

  it('are checked without being removed', async () => {
    const client = await subject.connect();
    const check = (type: number) =>
      call(client, OpCode.checkWatches, RemoveWatchesRequest, { path: '/', type }).then(({ err }) => err);
    expect(await check(1)).toBe(-121);
    await getChildren(client, '/', true);
    expect([await check(1), await check(1), await check(3), await check(2)]).toEqual([0, 0, 0, -121]);
  });

  it('are not told to who may not read, and used up all the same', async () => {
    const [client, other] = [await subject.connect(), await subject.connect()];
    await exists(client, '/secret', true);
    await create(other, '/secret', { acl: WRITE_ONLY });
    await setAcl(other, '/secret', [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]);
    await setData(other, '/secret', 'x');
    expect(await eventsOf(client)).toEqual([]);
  });
});

describeConformance('setWatches', {}, (subject) => {
  it('tells at once of what has changed since, and watches the rest', async () => {
    const client = await subject.connect();
    for (const path of ['/same', '/changed', '/gone', '/grown']) await createPlain(client, path);
    const since = (await exists(client, '/')).zxid;
    await setData(client, '/changed', 'x');
    await remove(client, '/gone');
    await createPlain(client, '/grown/child');
    await createPlain(client, '/new');
    const all = ['/same', '/changed', '/gone'];
    const { events, err } = await call(client, OpCode.setWatches, SetWatches, {
      relativeZxid: since,
      dataWatches: all,
      existWatches: ['/new', '/never'],
      childWatches: ['/grown', '/same', '/gone'],
    });
    expect(err).toBe(0);
    expect(events).toEqual(['3 /changed', '2 /gone', '1 /new', '4 /grown', '2 /gone']);
    expect((await setData(client, '/changed', 'y')).events).toEqual([]);
    expect((await setData(client, '/same', 'y')).events).toEqual(['3 /same']);
    expect((await createPlain(client, '/never')).events).toEqual(['1 /never']);
    expect((await createPlain(client, '/same/child')).events).toEqual(['4 /same']);
  });

  it('renews persistent watches without a word of the past', async () => {
    const client = await subject.connect();
    const lists = { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] };
    const request = { ...lists, persistentWatches: ['/pp'], persistentRecursiveWatches: ['/rr'] };
    await createPlain(client, '/pp');
    expect((await call(client, OpCode.setWatches2, SetWatches2, request)).events).toEqual([]);
    expect((await setData(client, '/pp', 'x')).events).toEqual(['3 /pp']);
    await createPlain(client, '/rr');
    expect((await createPlain(client, '/rr/x')).events).toEqual(['1 /rr/x']);
  });

  it('tells of the past also who may not read it, or does not, as the version does it', async () => {
    const client = await subject.connect();
    const since = (await exists(client, '/')).zxid;
    await create(client, '/unread', { acl: WRITE_ONLY });
    await createPlain(client, '/unread-gone');
    await remove(client, '/unread-gone');
    const { events } = await call(client, OpCode.setWatches, SetWatches, {
      relativeZxid: since,
      dataWatches: ['/unread', '/unread-gone'],
      existWatches: ['/unread'],
      childWatches: ['/unread'],
    });
    expect(events).toEqual(
      subject.behaviour.setWatchesNeedsRead
        ? ['2 /unread-gone']
        : ['3 /unread', '2 /unread-gone', '1 /unread', '4 /unread'],
    );
  });

  it('refuses lists that are null', async () => {
    const client = await subject.connect();
    client.sendBytes(OpCode.setWatches, Buffer.from(`${'00'.repeat(8)}${'ff'.repeat(12)}`, 'hex'));
    expect((await client.nextReply()).reply).toMatchObject({ err: -5 });
  });
});
