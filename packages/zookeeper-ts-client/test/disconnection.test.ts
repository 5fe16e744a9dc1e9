import { describe, expect, it } from 'vitest';
import {
  AuthFailedError,
  ConnectionLossError,
  digestAuth,
  SessionExpiredError,
  type WatchedEvent,
} from '../src/index.js';
import { Stat } from '../src/protocol/stat.js';
import { hex } from './bytes.js';
import { settled } from './fake-clock.js';
import { plainStat, replyFrame } from './fake-network.js';
import { FakeSession, Fate } from './fake-session.js';

const unknown = { settledTimes: 1, error: { code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' } };
const notSent = { settledTimes: 1, error: { code: 'ZK_CONNECTION_LOSS', outcome: 'not-sent' } };

describe('a disconnection', () => {
  it('ends what was sent with an unknown outcome, and what was not as not sent', async () => {
    const session = new FakeSession({ maxInFlight: 3 });
    const zk = await session.connect();
    const answered = Fate.of(zk.exists('/answered'));
    const sent = [zk.create('/sent'), zk.setData('/sent', 'x')].map(Fate.of);
    await settled();
    session.link.answerWith(Stat, plainStat);
    await settled();
    const unflushed = Fate.of(zk.create('/unflushed'));
    const queued = [zk.create('/queued'), zk.create('/queued')].map(Fate.of);
    session.link.end('cable pulled');
    await settled();
    expect(answered).toMatchObject({ settledTimes: 1, value: plainStat });
    for (const fate of sent) expect(fate).toMatchObject(unknown);
    for (const fate of [unflushed, ...queued]) expect(fate).toMatchObject(notSent);
    expect(sent[0]?.error).toHaveProperty(
      'message',
      'create /sent: connection lost, outcome unknown: cable pulled (ZK_CONNECTION_LOSS)',
    );
    const link = await session.reconnect();
    await settled();
    expect(link.ordinary).toEqual([]);
    for (const fate of [answered, ...sent, unflushed, ...queued]) expect(fate.settledTimes).toBe(1);
  });

  it('lets what is asked for after it wait for the next connection', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    expect(zk).toMatchObject({ state: 'disconnected', server: null, sessionId: 0x77n });
    const reads = [zk.exists('/a'), zk.exists('/b')];
    const link = await session.attempt();
    link.open();
    await settled();
    expect(link.writes).toHaveLength(1);
    link.accept();
    await settled();
    expect(link.sent).toEqual(['exists', 'exists']);
    link.answerWith(Stat, plainStat);
    link.answerWith(Stat, plainStat);
    expect(await Promise.all(reads)).toEqual([plainStat, plainStat]);
  });

  it('lets nobody wait longer than the session timeout for a connection', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    await session.clock.advance(0);
    const first = Fate.of(zk.exists('/a'));
    await session.clock.advance(1000);
    const second = Fate.of(zk.exists('/b'));
    await session.clock.advance(4999);
    expect(first.settledTimes).toBe(0);
    await session.clock.advance(1);
    expect(first).toMatchObject(notSent);
    expect((first.error as Error).message).toContain('no connection within 6000 ms');
    expect(second.settledTimes).toBe(0);
    await session.clock.advance(1000);
    expect(second).toMatchObject(notSent);
  });

  it('lets nobody wait longer than the limit given', async () => {
    const session = new FakeSession({ requestTimeoutMs: 500 });
    const zk = await session.connect();
    session.link.end();
    const read = Fate.of(zk.exists('/a'));
    await session.clock.advance(499);
    expect(read.settledTimes).toBe(0);
    await session.clock.advance(1);
    expect(read).toMatchObject(notSent);
  });

  it('lets a signal end the waiting', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    const controller = new AbortController();
    const read = Fate.of(zk.exists('/a', { signal: controller.signal }));
    controller.abort(new Error('enough'));
    await settled();
    expect(read).toMatchObject({ settledTimes: 1, error: { message: 'enough' } });
    const link = await session.reconnect();
    expect(link.ordinary).toEqual([]);
  });

  it('on which a listener closes the client leaves nothing behind', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    zk.on('state', (state) => state === 'disconnected' && void zk.close());
    session.link.end();
    await settled();
    expect(zk.state).toBe('closed');
    expect(session.clock.timerCount).toBe(0);
  });
});

describe('a reply that is overdue', () => {
  it('ends the connection, where replies have a limit', async () => {
    const session = new FakeSession({ requestTimeoutMs: 500 });
    const zk = await session.connect();
    await session.clock.advance(700);
    const read = Fate.of(zk.exists('/a'));
    await session.clock.advance(499);
    expect(read.settledTimes).toBe(0);
    await session.clock.advance(1);
    expect(read).toMatchObject(unknown);
    expect((read.error as Error).message).toContain('no reply within 500 ms');
    await session.reconnect();
    expect(zk.state).toBe('connected');
  });

  it('is waited for, where they have none', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const read = Fate.of(zk.exists('/a'));
    for (let i = 0; i < 40; i++) {
      await session.clock.advance(1000);
      session.link.keepAlive();
    }
    expect(read.settledTimes).toBe(0);
    session.link.answerWith(Stat, plainStat);
    await settled();
    expect(read.settledTimes).toBe(1);
  });
});

describe('an expired session', () => {
  it('ends everything: requests, watches, credentials, and all that come later', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const events: WatchedEvent[] = [];
    const states: string[] = [];
    zk.on('state', (state) => states.push(state));
    const watch = (event: WatchedEvent): void => void events.push(event);
    const read = zk.exists('/a', { watch });
    await settled();
    session.link.answerWith(Stat, plainStat);
    await read;
    session.link.end();
    const waiting = Fate.of(zk.exists('/b', { watch }));
    const credentials = Fate.of(zk.addAuth('digest', 'u:p'));
    await session.reconnect({ timeOut: 0, sessionId: 0n });
    const expired = { settledTimes: 1, error: { code: 'ZK_SESSION_EXPIRED' } };
    expect(waiting).toMatchObject(expired);
    expect(credentials).toMatchObject(expired);
    expect(states).toEqual(['disconnected', 'expired']);
    expect(events).toEqual([{ type: 'None', state: 'Expired', path: null }]);
    await expect(zk.exists('/c')).rejects.toThrow(SessionExpiredError);
    await expect(zk.addAuth('digest', '')).rejects.toThrow(SessionExpiredError);
    expect(zk.validForMs()).toBe(0);
    await zk.close();
    expect(zk.state).toBe('expired');
    expect(session.clock.timerCount).toBe(0);
  });
});

describe('refused credentials', () => {
  it('end the session: everything rejects with AuthFailedError', async () => {
    const session = new FakeSession({ auth: [digestAuth('u', 'p')] });
    const zk = await session.connect();
    const events: WatchedEvent[] = [];
    const read = zk.exists('/a', { watch: (event) => void events.push(event) });
    await settled();
    session.link.answerWith(Stat, plainStat);
    await read;
    const refused = Fate.of(zk.addAuth('x', Buffer.alloc(0)));
    const pending = Fate.of(zk.exists('/b'));
    await settled();
    session.link.receive(hex('00000010 fffffffc 0000000000000000 ffffff8d'));
    await settled();
    expect(zk.state).toBe('auth-failed');
    expect(refused).toMatchObject({ settledTimes: 1, error: { code: 'ZK_AUTH_FAILED' } });
    expect(pending).toMatchObject({ settledTimes: 1, error: { code: 'ZK_AUTH_FAILED' } });
    // What was under way may have been done.
    expect((pending.error as Error).cause).toBeInstanceOf(ConnectionLossError);
    expect((pending.error as Error).cause).toMatchObject({ outcome: 'unknown', path: '/b' });
    expect(events).toEqual([{ type: 'None', state: 'AuthFailed', path: null }]);
    await expect(zk.exists('/c')).rejects.toThrow(AuthFailedError);
    expect(session.link.isDestroyed).toBe(true);
    expect(session.clock.timerCount).toBe(0);
  });

  it('that are taken resolve, and are sent again on the next connection', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const first = Fate.of(zk.addAuth('digest', 'u:p'));
    await settled();
    session.link.end();
    const second = Fate.of(zk.addAuth('digest', 'v:q'));
    const link = await session.reconnect();
    expect(link.sent).toEqual(['auth', 'auth']);
    expect(first.settledTimes + second.settledTimes).toBe(0);
    link.receive(replyFrame(-4));
    await settled();
    expect([first.settledTimes, second.settledTimes]).toEqual([1, 0]);
    link.receive(replyFrame(-4), replyFrame(-4));
    await settled();
    expect([first.settledTimes, second.settledTimes]).toEqual([1, 1]);
  });
});
