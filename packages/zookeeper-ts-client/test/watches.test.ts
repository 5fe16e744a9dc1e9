import { describe, expect, it } from 'vitest';
import { UnimplementedError, type WatchedEvent } from '../src/index.js';
import { OpCode } from '../src/protocol/op-code.js';
import { RemoveWatchesRequest, SetWatches, SetWatches2 } from '../src/protocol/operations/watches.js';
import { Stat } from '../src/protocol/stat.js';
import { decoded, encoded, hex } from './bytes.js';
import { settled } from './fake-clock.js';
import { eventFrame, plainStat, replyFrame } from './fake-network.js';
import { FakeSession } from './fake-session.js';

const stat = encoded(Stat, plainStat);
const added = hex('00000000');
const noNode = -101;
const rejected = -5;
const noWatcher = -121;

/** A client, a recorder of events, and a way to have a request answered. */
async function watching(options = {}) {
  const session = new FakeSession(options);
  const zk = await session.connect();
  const events: string[] = [];
  const watch = ({ type, path }: WatchedEvent): void => void events.push(`${type} ${path}`);
  const answered = async <T>(asked: Promise<T>, err = 0, body?: Uint8Array): Promise<T> => {
    await settled();
    session.link.answer(err, body);
    return asked;
  };
  return { session, zk, events, watch, answered };
}

describe('a one-shot watch', () => {
  it('of a missing znode is set by exists, and by no other read', async () => {
    const { session, zk, events, watch, answered } = await watching();
    expect(await answered(zk.exists('/a', { watch }), noNode)).toBeNull();
    await expect(answered(zk.getData('/b', { watch }), noNode)).rejects.toThrow('NONODE');
    session.link.receive(eventFrame(1, '/a'), eventFrame(1, '/b'), eventFrame(1, '/a'));
    await settled();
    expect(events).toEqual(['NodeCreated /a']);
  });

  it('is not asked of the server where a lasting one covers it, and is told by that', async () => {
    const { session, zk, events, watch, answered } = await watching();
    await answered(
      zk.addWatch('/a', 'PERSISTENT', () => {}),
      0,
      added,
    );
    await answered(zk.exists('/a', { watch }), 0, stat);
    expect(session.link.ordinary.at(-1)?.body.at(-1)).toBe(0);
    session.link.receive(eventFrame(3, '/a'), eventFrame(3, '/a'));
    await settled();
    expect(events).toEqual(['NodeDataChanged /a']);
  });

  it('is not asked of the server either while the lasting one is on its way', async () => {
    const { session, zk, watch } = await watching();
    zk.addWatch('/a', 'PERSISTENT', watch).catch(() => {});
    zk.exists('/a', { watch }).catch(() => {});
    await settled();
    expect(session.link.ordinary.at(-1)?.body.at(-1)).toBe(0);
  });

  it('is asked of the server where the lasting one before it is withdrawn before it was sent', async () => {
    const { session, zk, watch, answered } = await watching({ maxInFlight: 1 });
    const first = zk.exists('/other');
    const controller = new AbortController();
    zk.addWatch('/a', 'PERSISTENT', watch, { signal: controller.signal }).catch(() => {});
    zk.exists('/a', { watch }).catch(() => {});
    controller.abort();
    await answered(first, 0, stat);
    await settled();
    expect(session.link.sent).toEqual(['exists', 'exists']);
    expect(session.link.ordinary.at(-1)?.body.at(-1)).toBe(1);
  });

  it('is asked of the server where the lasting one goes behind it', async () => {
    const { session, zk, watch, answered } = await watching({ maxInFlight: 1 });
    const first = zk.exists('/other');
    zk.exists('/a', { watch }).catch(() => {});
    zk.addWatch('/a', 'PERSISTENT', watch).catch(() => {});
    await answered(first, 0, stat);
    await settled();
    expect(session.link.sent).toEqual(['exists', 'exists']);
    expect(session.link.ordinary.at(-1)?.body.at(-1)).toBe(1);
  });

  it('is set by itself where the server refuses the lasting one that was to cover it', async () => {
    const { session, zk, watch } = await watching();
    const lasting = zk.addWatch('/a', 'PERSISTENT', watch);
    const read = zk.exists('/a', { watch });
    await settled();
    session.link.answer(-127);
    session.link.answer(0, stat);
    await expect(lasting).rejects.toThrow('THROTTLEDOP');
    await read;
    await settled();
    expect(session.link.sent).toEqual(['addWatch', 'exists', 'setWatches']);
    expect(decoded(SetWatches, session.link.ordinary.at(-1)?.body ?? hex('')).dataWatches).toEqual(['/a']);
  });

  it('of an unknown event type is not used up', async () => {
    const { session, zk, events, watch, answered } = await watching();
    await answered(zk.exists('/a', { watch }), 0, stat);
    session.link.receive(eventFrame(42, '/a'));
    session.link.receive(eventFrame(3, '/a'));
    await settled();
    expect(events).toEqual(['NodeDataChanged /a']);
  });
});

describe('a lasting watch', () => {
  it('is set again after a reconnect, in the order of the kinds', async () => {
    const { session, zk, watch, answered } = await watching();
    await answered(zk.addWatch('/r', 'PERSISTENT_RECURSIVE', watch), 0, added);
    await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    await answered(zk.exists('/d', { watch }), 0, stat);
    await answered(zk.exists('/e', { watch }), noNode);
    const link = await session.reconnect();
    expect(link.sent).toEqual(['setWatches2']);
    expect(decoded(SetWatches2, link.ordinary[0]?.body ?? hex(''))).toEqual({
      relativeZxid: 7n,
      dataWatches: ['/d'],
      existWatches: ['/e'],
      childWatches: [],
      persistentWatches: ['/p'],
      persistentRecursiveWatches: ['/r'],
    });
  });

  it('that a busy server did not set again is set by another connection a second later, as of the first loss', async () => {
    const { session, zk, watch, answered } = await watching();
    await answered(zk.addWatch('/r', 'PERSISTENT_RECURSIVE', watch), 0, added);
    await answered(zk.exists('/d', { watch }), 0, stat);
    const busy = await session.reconnect();
    expect(busy.sent).toEqual(['setWatches2']);
    busy.answer(-127);
    await settled();
    // The connection serves meanwhile.
    expect(await answered(zk.exists('/x'), 0, stat)).not.toBeNull();
    await session.clock.advance(999);
    expect(busy.isDestroyed).toBe(false);
    await session.clock.advance(1);
    expect(busy.isDestroyed).toBe(true);
    const link = await session.reconnect();
    expect(link.sent).toEqual(['setWatches2']);
    expect(decoded(SetWatches2, link.ordinary[0]?.body ?? hex(''))).toMatchObject({
      relativeZxid: decoded(SetWatches2, busy.ordinary[0]?.body ?? hex('')).relativeZxid,
      dataWatches: ['/d'],
      persistentRecursiveWatches: ['/r'],
    });
  });

  it('is given up where a server does not know such watches, lest every connection end', async () => {
    const { session, zk, events, watch, answered } = await watching();
    await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    const old = await session.reconnect();
    old.answer(-6);
    expect(events).toEqual(['None null']);
    const link = await session.reconnect();
    expect(link.sent).toEqual([]);
    await expect(answered(zk.addWatch('/p', 'PERSISTENT', watch), -6)).rejects.toThrow(UnimplementedError);
  });

  it('is removed by its own type, and by `any` where the server knows no such type', async () => {
    const { session, zk, watch, answered } = await watching();
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    await answered(zk.exists('/p', { watch: () => {} }), 0, stat);
    const removed = handle.remove();
    await settled();
    session.link.answer(rejected);
    await settled();
    const types = session.link.requests
      .filter(({ type }) => type === OpCode.removeWatches)
      .map(({ body }) => decoded(RemoveWatchesRequest, body).type);
    expect(types).toEqual([4, 3]);
    // What else is wanted of the path is asked for again, behind the removal and without waiting for it.
    expect(session.link.sent.slice(-2)).toEqual(['removeWatches', 'setWatches']);
    session.link.answer();
    session.link.answer();
    await removed;
    await handle.remove();
  });

  it('leaves with the others to be set again behind it, however full the connection is', async () => {
    const { session, zk, watch, answered } = await watching({ maxInFlight: 2 });
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    await answered(zk.exists('/p', { watch: () => {} }), 0, stat);
    handle.remove().catch(() => {});
    for (let i = 0; i < 4; i++) zk.exists('/other').catch(() => {});
    await settled();
    session.link.answer(rejected);
    await settled();
    expect(session.link.sent.slice(2)).toEqual(['removeWatches', 'exists', 'exists', 'removeWatches', 'setWatches']);
  });

  it.each([
    ['is on its way', false],
    ['has come meanwhile', true],
  ])('is left to a server that knows only `any` where another %s', async (_, hasCome) => {
    const { session, zk, watch, answered } = await watching();
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    const removed = handle.remove();
    await settled();
    const again = zk.addWatch('/p', 'PERSISTENT', watch);
    await settled();
    const { link } = session;
    if (hasCome) link.receive(link.reply(rejected), link.reply(0, added));
    else link.answer(rejected);
    await removed;
    if (!hasCome) link.answer(0, added);
    await again;
    expect(link.sent).toEqual(['addWatch', 'removeWatches', 'addWatch']);
  });

  it('leaves one-shots to be set again from the reply on, whatever comes with it', async () => {
    const { session, zk, watch, answered } = await watching();
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    await answered(zk.exists('/p', { watch: () => {} }), 0, stat);
    const removed = handle.remove();
    zk.setData('/p', 'x').catch(() => {});
    await settled();
    const [removal, change] = session.link.ordinary.slice(-2).map(({ xid }) => xid);
    session.link.receive(replyFrame(removal ?? 0, { zxid: 8n }), replyFrame(change ?? 0, { zxid: 9n }, stat));
    await removed;
    await settled();
    expect(decoded(SetWatches, session.link.ordinary.at(-1)?.body ?? hex('')).relativeZxid).toBe(8n);
  });

  it('goes from the server when the request that might have needed it was given up', async () => {
    const { session, zk, watch, answered } = await watching();
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    const controller = new AbortController();
    const adding = zk.addWatch('/p', 'PERSISTENT_RECURSIVE', () => {}, { signal: controller.signal }).catch(() => {});
    await settled();
    await handle.remove();
    controller.abort();
    await adding;
    session.link.answer(0, added);
    await settled();
    const types = session.link.ordinary
      .filter(({ type }) => type === OpCode.removeWatches)
      .map(({ body }) => decoded(RemoveWatchesRequest, body).type);
    expect(types.sort()).toEqual([4, 5]);
  });

  it('that the server has forgotten counts as removed', async () => {
    const { session, zk, events, watch, answered } = await watching();
    const handle = await answered(zk.addWatch('/p', 'PERSISTENT', watch), 0, added);
    const removed = handle.remove();
    await settled();
    session.link.answer(noWatcher);
    await removed;
    expect(events).toEqual(['PersistentWatchRemoved /p']);
  });
});

describe('many watches', () => {
  it('are set again in requests that the limit of a frame allows, also where characters take several bytes', async () => {
    const { session, zk, watch, answered } = await watching({ maxFrameBytes: 1024 });
    await answered(zk.addWatch('/', 'PERSISTENT', watch), 0, added);
    const paths = Array.from({ length: 30 }, (_, i) => `/${'\u65e5'.repeat(i * 5)}${i}`);
    for (const path of paths) await answered(zk.exists(path, { watch }), 0, stat);
    const { ordinary } = await session.reconnect();
    const restored = ordinary.flatMap(({ type, body }) =>
      type === OpCode.setWatches ? decoded(SetWatches, body).dataWatches : decoded(SetWatches2, body).dataWatches,
    );
    expect(restored).toEqual(paths);
    expect(Math.max(...ordinary.map(({ body }) => 8 + body.length))).toBeLessThanOrEqual(1024);
  });

  it('miss nothing where the connection is lost again before all of them are set', async () => {
    const { session, zk, watch, answered } = await watching({ maxFrameBytes: 1024 });
    for (const name of ['a', 'b']) await answered(zk.exists(`/${name.repeat(600)}`, { watch }), 0, stat);
    const zxids = ({ link }: FakeSession): bigint[] =>
      link.ordinary.map(({ body }) => decoded(SetWatches, body).relativeZxid);
    await session.reconnect();
    const first = session.link.ordinary[0]?.xid ?? 0;
    session.link.receive(replyFrame(first, { zxid: 9n }));
    await session.reconnect();
    expect(session.link.connectRequest?.lastZxidSeen).toBe(9n);
    expect(zxids(session)).toEqual([7n, 7n]);
    for (const { xid } of session.link.ordinary) session.link.receive(replyFrame(xid, { zxid: 9n }));
    await session.reconnect();
    expect(zxids(session)).toEqual([9n, 9n]);
  });

  it('are set again in several requests', async () => {
    const { session, zk, watch } = await watching();
    const name = (i: number): string => `/${String(i).padStart(999, '0')}`;
    const reads = Array.from({ length: 300 }, (_, i) => zk.exists(name(i), { watch }));
    await settled();
    for (const _ of reads) session.link.answer(0, stat);
    await Promise.all(reads);
    const link = await session.reconnect();
    expect(link.sent).toEqual(Array.from({ length: 5 }, () => 'setWatches'));
    const chunks = link.ordinary.map(({ body }) => body.length);
    expect(Math.max(...chunks)).toBeLessThanOrEqual(65_536 - 8);
    expect(link.writes).toHaveLength(2);
  });
});
