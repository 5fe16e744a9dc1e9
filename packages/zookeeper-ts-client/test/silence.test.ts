import { describe, expect, it } from 'vitest';
import { settled } from './fake-clock.js';
import { FakeSession } from './fake-session.js';

/** Lets the time pass with servers that take connections, and as the test likes what is said on them, and say nothing. */
async function passInSilence(session: FakeSession, totalMs: number, opens: boolean): Promise<void> {
  for (let ms = 0; ms < totalMs; ms += 100) {
    if (opens && !session.link.isDestroyed) session.link.open();
    await session.clock.advance(100);
  }
  await settled();
}

describe('a client that nobody answers', () => {
  it('gives its session up after four thirds of the timeout, lest its handshakes keep it alive for ever', async () => {
    const session = new FakeSession({ connectTimeoutMs: 500 });
    const zk = await session.connect();
    session.link.end();
    await passInSilence(session, 7500, true);
    expect(zk.state).toBe('disconnected');
    await passInSilence(session, 1500, true);
    expect(zk.state).toBe('expired');
    const attempts = session.network.links.length;
    await passInSilence(session, 5000, true);
    expect(session.network.links).toHaveLength(attempts);
  });

  it.each<[string, (session: FakeSession) => void]>([
    ['refuse every connection', ({ link }) => link.end('ECONNREFUSED')],
    [
      'close every connection after the handshake',
      ({ link }) => {
        link.open();
        link.end();
      },
    ],
    [
      'have no leader, and say so',
      ({ link }) => {
        link.accept({ protocolVersion: 42 });
      },
    ],
  ])('gives its session up after four thirds of the timeout when the servers %s', async (_, answer) => {
    const session = new FakeSession({ connectString: 'zk1,zk2' });
    const zk = await session.connect();
    session.link.end();
    const lostAtMs = session.clock.now();
    const state = zk.states();
    for (let ms = 0; ms < 7900; ms += 50) {
      if (!session.link.isDestroyed) answer(session);
      await session.clock.advance(50);
      expect(zk.state).toBe('disconnected');
    }
    await session.clock.advance(150);
    expect(zk.state).toBe('expired');
    expect(session.clock.now() - lostAtMs).toBeLessThan(8100);
    expect(zk.endError).toMatchObject({ code: 'ZK_SESSION_EXPIRED', expiry: 'silence' });
    expect(session.clock.timerCount).toBe(0);
    await state.return?.();
  });

  it('counts an answer that a blocked event loop kept from it as a word', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    const link = await session.attempt();
    link.open();
    session.clock.block(60_000);
    link.accept();
    link.end();
    await session.clock.advance(0);
    await settled();
    expect(zk.state).toBe('disconnected');
    await session.reconnect();
    expect(zk.state).toBe('connected');
  });

  it('counts the silence from the last word of a server, not from the loss of the connection', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await session.clock.advance(3000);
    session.link.end();
    await session.clock.advance(0);
    await passInSilence(session, 4900, false);
    expect(zk.state).toBe('disconnected');
    await passInSilence(session, 200, false);
    expect(zk.state).toBe('expired');
  });

  it('keeps its session when a server says something in time', async () => {
    const session = new FakeSession({ connectTimeoutMs: 500 });
    const zk = await session.connect();
    session.link.end();
    await passInSilence(session, 6500, true);
    await session.reconnect();
    await passInSilence(session, 2000, true);
    expect(zk.state).toBe('connected');
    session.link.end();
    await passInSilence(session, 5500, true);
    expect(zk.state).toBe('disconnected');
  });

  it('never gives up where there is no session yet', async () => {
    const session = new FakeSession({ connectTimeoutMs: 500 });
    await session.attempt();
    await passInSilence(session, 20_000, true);
    (await session.attempt()).accept();
    expect((await session.connecting).state).toBe('connected');
  });
});
