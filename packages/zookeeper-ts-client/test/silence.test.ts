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

  it('goes on with its session where no handshake gets out: servers that are down keep sessions', async () => {
    const session = new FakeSession({ connectTimeoutMs: 500 });
    const zk = await session.connect();
    session.link.end();
    await passInSilence(session, 20_000, false);
    expect(zk.state).toBe('disconnected');
    await session.reconnect();
    expect(zk.state).toBe('connected');
  });

  it('never gives up where there is no session yet', async () => {
    const session = new FakeSession({ connectTimeoutMs: 500 });
    await session.attempt();
    await passInSilence(session, 20_000, true);
    (await session.attempt()).accept();
    expect((await session.connecting).state).toBe('connected');
  });
});
