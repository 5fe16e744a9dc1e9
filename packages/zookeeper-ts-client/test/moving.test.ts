import { describe, expect, it } from 'vitest';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { plainStat } from './fake-network.js';
import { FakeSession, Fate } from './fake-session.js';

describe('a client on a read-only server', () => {
  it('says so, asks one server after the other for one that takes writes, ever more slowly, and moves to it', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2,zk3', canBeReadOnly: true });
    const zk = await session.connect({ readOnly: true, sessionId: 0x99n });
    expect(zk.state).toBe('connected-read-only');
    expect(zk.validForMs()).toBe(0);
    const first = session.link;
    expect(first.connectRequest?.readOnly).toBe(true);
    const askedMs: number[] = [];
    const startMs = session.clock.now();
    for (const answer of ['ro', 'null', null, 'rw']) {
      const probe = await session.attempt();
      askedMs.push(session.clock.now() - startMs);
      probe.open();
      expect(probe.writes.map(String)).toEqual(['isro']);
      if (answer === null) await session.clock.advance(1000);
      else probe.receive(Buffer.from(answer));
      expect(probe.isDestroyed).toBe(true);
      first.keepAlive();
    }
    expect(first.isDestroyed).toBe(true);
    expect(zk.state).toBe('disconnected');
    const found = session.network.links.at(-1)?.server;
    const link = await session.attempt();
    expect(link.server).toEqual(found);
    // No other server knows the session that a read-only one has made up.
    link.open();
    expect(link.connectRequest?.sessionId).toBe(0n);
    link.accept({ sessionId: 0x77n });
    await settled();
    expect(zk).toMatchObject({ state: 'connected', sessionId: 0x77n });
    const gaps = askedMs.map((ms, i) => ms - (askedMs[i - 1] ?? 0));
    expect(gaps[0]).toBe(100);
    expect(gaps[1]).toBe(200);
    expect(gaps[2]).toBe(400);
  });

  it('goes back to the session that it had, where there was one', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2', canBeReadOnly: true });
    const zk = await session.connect({ sessionId: 0x77n });
    await session.reconnect({ readOnly: true, sessionId: 0x99n });
    expect(zk.state).toBe('connected-read-only');
    session.link.end();
    const link = await session.attempt();
    link.open();
    expect(link.connectRequest?.sessionId).toBe(0x77n);
  });

  it('stops asking when it is closed', async () => {
    const session = new FakeSession({ canBeReadOnly: true });
    const zk = await session.connect({ readOnly: true });
    const link = session.link;
    await session.attempt();
    const closing = zk.close();
    await settled();
    link.answer();
    await closing;
    expect(session.clock.timerCount).toBe(0);
    expect(session.link.isDestroyed).toBe(true);
  });
});

describe('a client whose servers accept its session and close the connection', () => {
  /** Milliseconds before each of some attempts, where a server does this with each connection that it has accepted. */
  async function pausesMs(then: (session: FakeSession) => Promise<void> | void): Promise<number[]> {
    const session = new FakeSession({ connectString: 'zk1,zk2' });
    const zk = await session.connect();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      zk.exists('/a').catch(() => {});
      await settled();
      await then(session);
      session.link.end();
      const lostAtMs = session.clock.now();
      await session.attempt();
      pauses.push(session.clock.now() - lostAtMs);
      session.link.accept();
    }
    return pauses;
  }

  it('pauses ever longer once it has tried all', async () => {
    expect(await pausesMs(() => {})).toEqual([0, 200, 0, 400, 0, 800, 0, 1000]);
  });

  it('pauses too where they refuse every request', async () => {
    expect(await pausesMs(({ link }) => link.answer(-127))).toEqual([0, 200, 0, 400, 0, 800, 0, 1000]);
  });

  it.each<[string, (session: FakeSession) => Promise<void> | void]>([
    ['answered', ({ link }) => link.answerWith(Stat, plainStat)],
    ['lasted', ({ clock }) => clock.advance(100)],
  ])('goes on to the next at once where the connection had %s', async (_, then) => {
    expect(await pausesMs(then)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('updateServerList', () => {
  it('moves to a server of the new list and keeps the session', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2/app' });
    const zk = await session.connect();
    const pending = Fate.of(zk.exists('/a'));
    await settled();
    zk.updateServerList('zk3,zk4/app');
    await settled();
    expect(pending).toMatchObject({ settledTimes: 1, error: { outcome: 'unknown' } });
    const link = await session.reconnect();
    expect(['zk3', 'zk4']).toContain(link.server.host);
    expect(link.connectRequest?.sessionId).toBe(0x77n);
    expect(zk.state).toBe('connected');
  });

  it('stays where the server is in the new list and there are no more of them', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2' });
    const zk = await session.connect();
    zk.updateServerList('zk1,zk3');
    const read = zk.exists('/a');
    await settled();
    session.link.answerWith(Stat, plainStat);
    await read;
    expect(zk.server).toBe('zk1:2181');
    session.link.end();
    await session.reconnect();
    expect(session.network.attempts).toBe('zk1 zk3');
  });

  it('leaves a server that it is only trying, if that is not in the new list', async () => {
    const session = new FakeSession({ connectString: 'zk1' });
    const zk = await session.connect();
    session.link.end();
    const link = await session.attempt();
    link.open();
    zk.updateServerList('zk2');
    expect(link.isDestroyed).toBe(true);
    await session.reconnect();
    expect(zk.server).toBe('zk2:2181');
  });

  it('refuses another chroot, and a list without servers', async () => {
    const session = new FakeSession({ connectString: 'zk1/app' });
    const zk = await session.connect();
    expect(() => zk.updateServerList('zk1/other')).toThrow("Expected the chroot '/app' or none, got '/other'");
    expect(() => zk.updateServerList('')).toThrow(TypeError);
    expect(zk.state).toBe('connected');
  });
});
