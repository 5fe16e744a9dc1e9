import { describe, expect, it } from 'vitest';
import type { ZooKeeper } from '../src/client/zookeeper.js';
import { SessionExpiredError } from '../src/errors/errors.js';
import { settled } from './fake-clock.js';
import { FakeSession, Fate } from './fake-session.js';

describe('a client whose reconnect is answered for another session', () => {
  it('has lost its session, before anything is restored on the connection', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const watch = zk.addWatch('/a', 'PERSISTENT', () => {});
    await settled();
    session.link.answer(0, Buffer.alloc(4));
    await watch;
    session.link.end();
    const read = Fate.of(zk.exists('/a'));
    const link = await session.attempt();
    link.accept({ sessionId: 0x78n });
    await settled();
    expect(zk.state).toBe('expired');
    expect(zk.validForMs()).toBe(0);
    expect(read.error).toBeInstanceOf(SessionExpiredError);
    expect(read.error).toMatchObject({ expiry: 'replaced' });
    expect(link.sent).toEqual(['closeSession']);
  });

  it('closes the session that the server granted, and ends the connection when the server has', async () => {
    const session = new FakeSession();
    await session.connect();
    const link = await session.attemptAfterLoss();
    link.accept({ sessionId: 0x78n });
    expect(link.sent).toEqual(['closeSession']);
    expect(link.isDestroyed).toBe(false);
    link.end();
    expect(session.clock.timerCount).toBe(0);
  });

  it('ends the connection a second later when the server does not', async () => {
    const session = new FakeSession();
    await session.connect();
    const link = await session.attemptAfterLoss();
    link.accept({ sessionId: 0x78n });
    await session.clock.advance(999);
    expect(link.isDestroyed).toBe(false);
    await session.clock.advance(1);
    expect(link.isDestroyed).toBe(true);
    expect(session.clock.timerCount).toBe(0);
  });

  it('rejects where a session of an earlier process was to be resumed', async () => {
    const session = new FakeSession({ session: { id: 9n, passwd: Buffer.alloc(16) } });
    (await session.attempt()).accept({ sessionId: 10n });
    await expect(session.connecting).rejects.toMatchObject({ code: 'ZK_SESSION_EXPIRED', expiry: 'replaced' });
  });

  it('keeps its session on a read-only server, which makes up another one', async () => {
    const session = new FakeSession({ canBeReadOnly: true });
    const zk = await session.connect();
    (await session.reconnect({ sessionId: 0x78n, readOnly: true })).keepAlive();
    expect(zk.state).toBe('connected-read-only');
    const link = await session.reconnect();
    expect(link.connectRequest?.sessionId).toBe(0x77n);
    expect(zk.state).toBe('connected');
  });
});

describe('a server that speaks another version of the protocol', () => {
  it('is no server: the next one is tried, and the session lives', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2' });
    const zk = await session.connect();
    const link = await session.attemptAfterLoss();
    link.accept({ protocolVersion: 42 });
    expect(link.isDestroyed).toBe(true);
    await session.reconnect();
    expect(session.network.attempts).toBe('zk1 zk2 zk1');
    expect(zk.state).toBe('connected');
  });

  it('is named in the error of connecting', async () => {
    const session = new FakeSession({ connectDeadlineMs: 1000 });
    (await session.attempt()).accept({ protocolVersion: 42 });
    await session.clock.advance(1000);
    await expect(session.connecting).rejects.toThrow('expected protocol version 0 in the handshake, got 42');
  });
});

describe('a server that demands credentials', () => {
  it.each<[string, (session: FakeSession, zk: ZooKeeper) => Promise<void>]>([
    [
      'in answer to a ping',
      async ({ clock, link }) => {
        await clock.advance(2500);
        link.refusePing(-124);
      },
    ],
    [
      'in answer to a request',
      async ({ link }, zk) => {
        zk.exists('/a').catch(() => {});
        await settled();
        link.answer(-124);
      },
    ],
  ])('%s ends the session, since no other connection would be better', async (_, demand) => {
    const session = new FakeSession();
    const zk = await session.connect();
    await demand(session, zk);
    await settled();
    expect(zk.state).toBe('auth-failed');
    await expect(zk.exists('/a')).rejects.toThrow('the server demands credentials');
    expect(session.clock.timerCount).toBe(0);
  });
});
