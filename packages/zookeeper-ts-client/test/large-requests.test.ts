import { describe, expect, it } from 'vitest';
import { op } from '../src/client/op.js';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { plainStat } from './fake-network.js';
import { FakeSession, Fate } from './fake-session.js';

const LARGE = Buffer.alloc(100_000);
/** A read of 104,016 bytes. */
const reads = Array.from({ length: 4_000 }, () => op.getData('/largest'));

const connected = async () => {
  const session = new FakeSession();
  return { session, zk: await session.connect() };
};

describe('a large request that is unanswered when the server closes the connection', () => {
  it('has an unknown outcome, and its error names its size and the suspicion', async () => {
    const { session, zk } = await connected();
    const small = Fate.of(zk.setData('/small', 'x'));
    const large = Fate.of(zk.setData('/large', LARGE));
    await settled();
    session.link.end('zk1 closed the connection');
    await settled();
    expect(small.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect((small.error as Error).message).not.toContain('jute.maxbuffer');
    expect(large.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect((large.error as Error).message).toMatch(
      /closed the connection; the request of 100026 bytes may be larger than jute.maxbuffer of the server/,
    );
  });

  it('is not suspected up to 65,536 bytes, nor when this client has given up the connection', async () => {
    const { session, zk } = await connected();
    const small = Fate.of(zk.setData('/s', Buffer.alloc(65_536 - 22)));
    await settled();
    session.link.end();
    await settled();
    expect((small.error as Error).message).not.toContain('jute.maxbuffer');
    await session.reconnect();
    const large = Fate.of(zk.setData('/s', LARGE));
    const read = Fate.of(zk.multiRead(reads));
    await session.clock.advance(10_000);
    for (const { error } of [large, read]) {
      expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
      expect((error as Error).message).not.toContain('jute.maxbuffer');
    }
  });

  it('goes alone when it is made again: what comes before it is answered first, what comes after it waits', async () => {
    const { session, zk } = await connected();
    Fate.of(zk.setData('/large', LARGE));
    await settled();
    const link = await session.reconnect();
    const before = zk.exists('/before');
    const large = zk.setData('/large', LARGE);
    const after = zk.exists('/after');
    await settled();
    expect(link.sent).toEqual(['exists']);
    link.answerWith(Stat, plainStat);
    await before;
    await settled();
    expect(link.sent).toEqual(['exists', 'setData']);
    link.answerWith(Stat, plainStat);
    await large;
    await settled();
    expect(link.sent).toEqual(['exists', 'setData', 'exists']);
    link.answerWith(Stat, plainStat);
    await after;
    // The server takes this size: no request of it goes alone any more.
    for (const _ of [1, 2]) Fate.of(zk.setData('/large', LARGE));
    await settled();
    expect(link.sent.slice(3)).toEqual(['setData', 'setData']);
  });

  it('is final when the connection is closed again while it is alone, and harms no other', async () => {
    const { session, zk } = await connected();
    Fate.of(zk.setData('/large', LARGE));
    await settled();
    await session.reconnect();
    const large = Fate.of(zk.setData('/large', LARGE));
    const after = Fate.of(zk.exists('/after'));
    await settled();
    session.link.end();
    await settled();
    expect(large.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect((large.error as Error).cause).toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE', bytes: 100_026 });
    expect(after.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'not-sent' });
  });

  it('is sent again, alone, when it is a read', async () => {
    const { session, zk } = await connected();
    const read = Fate.of(zk.multiRead(reads));
    await settled();
    const link = await session.reconnect();
    const after = Fate.of(zk.exists('/after'));
    await settled();
    expect([link.sent, read.settledTimes]).toEqual([['multiRead'], 0]);
    link.end();
    await settled();
    expect(read.error).toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE' });
    expect((read.error as Error).message).toMatch(
      /multiRead of \/largest of \d+ bytes alone: send less, or raise jute.maxbuffer/,
    );
    expect(after.error).toMatchObject({ outcome: 'not-sent' });
  });

  it('is not sent again when its caller gives up, or the client is closed', async () => {
    const { session, zk } = await connected();
    const controller = new AbortController();
    const [given, closed] = [Fate.of(zk.multiRead(reads, { signal: controller.signal })), Fate.of(zk.multiRead(reads))];
    await settled();
    session.link.end();
    await settled();
    controller.abort('enough');
    await settled();
    expect(given).toMatchObject({ settledTimes: 1, error: 'enough' });
    void zk.close();
    await settled();
    expect(closed).toMatchObject({ settledTimes: 1, error: { code: 'ZK_CLOSED' } });
  });

  it('is not sent again when its caller had given up before', async () => {
    const { session, zk } = await connected();
    const controller = new AbortController();
    const given = Fate.of(zk.multiRead(reads, { signal: controller.signal }));
    await settled();
    controller.abort('enough');
    const link = await session.reconnect();
    expect(given).toMatchObject({ settledTimes: 1, error: 'enough' });
    expect(link.sent).toEqual([]);
  });

  it('does not keep the session from being proved alive while it is alone', async () => {
    const { session, zk } = await connected();
    Fate.of(zk.setData('/large', LARGE));
    await settled();
    const link = await session.reconnect();
    const [large, small] = [Fate.of(zk.setData('/large', LARGE)), Fate.of(zk.exists('/a'))];
    await session.clock.advance(1_000);
    expect(link.sent).toEqual(['setData', 'sync']);
    link.answerWith(Stat, plainStat);
    link.keepAlive();
    await settled();
    expect([large.settledTimes, link.sent.at(-1)]).toEqual([1, 'exists']);
    link.answerWith(Stat, plainStat);
    await settled();
    expect(small.settledTimes).toBe(1);
  });
});
