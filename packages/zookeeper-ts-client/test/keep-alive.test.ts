import { describe, expect, it } from 'vitest';
import { OpCode } from '../src/protocol/op-code.js';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { eventFrame, plainStat, replyFrame } from './fake-network.js';
import { FakeSession } from './fake-session.js';

/** Lets time pass in steps of 100 ms, the server answering; returns when, after how many ms, something of that kind was sent. */
async function timesOf(
  session: FakeSession,
  types: readonly number[],
  forMs: number,
  between: (ms: number) => void = () => {},
): Promise<number[]> {
  const times: number[] = [];
  const count = (): number => session.link.requests.filter(({ type }) => types.includes(type)).length;
  for (let ms = 100, seen = count(); ms <= forMs; ms += 100) {
    await session.clock.advance(100);
    if (count() > seen) times.push(ms);
    seen = count();
    session.link.keepAlive();
    between(ms);
    await settled();
  }
  return times;
}

describe('a client at rest', () => {
  it('pings every third of the session timeout, where there is no leader to ask', async () => {
    const session = new FakeSession({ canBeReadOnly: true });
    await session.connect({ readOnly: true });
    const link = session.link;
    const times: number[] = [];
    for (let ms = 100; ms <= 12_000; ms += 100) {
      const pings = link.requests.length;
      await session.clock.advance(100);
      if (link.requests.length > pings) times.push(ms);
      link.keepAlive();
      if (ms % 2000 === 1900) link.receive(eventFrame(3, '/a'));
    }
    expect(times).toEqual([2000, 4000, 6000, 8000, 10_000, 12_000]);
    expect(new Set(link.sent)).toEqual(new Set(['ping']));
  });

  it('is heard of by the server at least every third of the session timeout, whatever it does', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const times = await timesOf(session, [OpCode.ping, OpCode.sync, OpCode.exists], 20_000, (ms) => {
      if (ms % 1700 === 0) zk.exists('/a').catch(() => {});
      if (ms % 1700 === 400 && ms > 1700) session.link.answerWith(Stat, plainStat);
    });
    const gaps = times.map((ms, i) => ms - (times[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2000);
  });

  it('stays certainly valid by the word of the leader', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const least: number[] = [];
    await timesOf(session, [], 20_000, () => least.push(zk.validForMs()));
    expect(Math.min(...least)).toBeGreaterThan(3000);
  });

  it('does not stay so by the word of a follower alone', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    for (let ms = 0; ms < 5400; ms += 100) {
      await session.clock.advance(100);
      session.link.receive(replyFrame(-2));
    }
    expect(zk.state).toBe('connected');
    expect(zk.validForMs()).toBe(0);
  });
});

describe('a server that falls silent', () => {
  it('is given up two thirds of the session timeout after its last word', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await session.clock.advance(3999);
    expect(zk.state).toBe('connected');
    expect(session.link.sent).toEqual(['sync', 'ping']);
    await session.clock.advance(1);
    expect(zk.state).toBe('disconnected');
    expect(zk.validForMs()).toBe(1400);
    await session.clock.advance(1400);
    expect(zk.validForMs()).toBe(0);
  });

  it('is given up in time whatever was heard of it before', async () => {
    for (const lastWordMs of [100, 1000, 1999, 2000, 2500, 3900]) {
      const session = new FakeSession();
      const zk = await session.connect();
      await session.clock.advance(lastWordMs);
      session.link.receive(eventFrame(3, '/a'));
      await session.clock.advance(3999);
      expect(zk.state).toBe('connected');
      await session.clock.advance(1);
      expect(zk.state).toBe('disconnected');
    }
  });

  it('is looked at once more after the event loop was blocked', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const read = zk.exists('/a');
    await settled();
    session.clock.block(9000);
    // It had answered meanwhile: the bytes lie in the socket, and the timers come first.
    session.link.answerWith(Stat, plainStat);
    expect(await read).toEqual(plainStat);
    await settled();
    expect(zk.state).toBe('connected');
    expect(session.network.links).toHaveLength(1);
  });

  it('is given up after the event loop was blocked if there is nothing', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.clock.block(9000);
    await settled();
    expect(zk.state).toBe('disconnected');
  });
});

describe('the validity clock', () => {
  it('is right while the event loop is blocked, and after the machine was suspended', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    expect(zk.validForMs()).toBe(5400);
    session.clock.suspend(3000);
    expect(zk.validForMs()).toBe(2400);
    session.clock.suspend(-3000);
    session.clock.block(5400);
    expect(zk.validForMs()).toBe(0);
  });

  it('starts again with a new handshake', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await session.clock.advance(3000);
    session.link.end();
    await session.reconnect();
    expect(zk.validForMs()).toBe(5400);
  });

  it('ignores replies to pings that were never sent', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await session.clock.advance(1000);
    session.link.receive(replyFrame(-2));
    expect(zk.validForMs()).toBe(4400);
  });
});
