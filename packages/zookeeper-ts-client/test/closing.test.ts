import { describe, expect, it } from 'vitest';
import { ClosedError, type WatchedEvent, type ZooKeeper } from '../src/index.js';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { plainStat } from './fake-network.js';
import { FakeSession, Fate } from './fake-session.js';

/** Closes twice, and checks that nothing is left of the client. */
async function expectClosed(session: FakeSession, zk: ZooKeeper, closing: Promise<void>): Promise<void> {
  await closing;
  expect(zk.state).toBe('closed');
  expect(session.clock.timerCount).toBe(0);
  for (const link of session.network.links) expect(link.isDestroyed).toBe(true);
  await expect(zk.exists('/a')).rejects.toThrow(ClosedError);
  await expect(zk.addAuth('digest', '')).rejects.toThrow(ClosedError);
  await zk.close();
  await zk[Symbol.asyncDispose]();
  expect(zk.listenerCount('state')).toBe(0);
}

describe('close', () => {
  it('lets what was asked before be done, then ends the session on the server', async () => {
    const session = new FakeSession({ maxInFlight: 1 });
    const zk = await session.connect();
    const reads = [zk.exists('/a'), zk.exists('/b')];
    const closing = zk.close();
    const late = Fate.of(zk.exists('/late'));
    const again = zk.close();
    expect(zk.validForMs()).toBe(0);
    await settled();
    expect(late.error).toBeInstanceOf(ClosedError);
    expect(session.link.sent).toEqual(['exists', 'exists', 'closeSession']);
    session.link.answerWith(Stat, plainStat);
    session.link.answerWith(Stat, plainStat);
    expect(await Promise.all(reads)).toEqual([plainStat, plainStat]);
    session.link.answer();
    await again;
    await expectClosed(session, zk, closing);
  });

  it('does not wait longer than the server may be silent', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const read = Fate.of(zk.exists('/a'));
    const closing = zk.close();
    await session.clock.advance(4001);
    expect(read).toMatchObject({ settledTimes: 1, error: { outcome: 'unknown' } });
    await expectClosed(session, zk, closing);
  });

  it('is done when the connection breaks', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const closing = zk.close();
    await settled();
    session.link.end();
    await expectClosed(session, zk, closing);
  });

  it('is done at once without a connection, and ends what waits for one', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    const waiting = Fate.of(zk.exists('/a'));
    const closing = zk.close();
    await settled();
    expect(waiting).toMatchObject({ settledTimes: 1, error: { code: 'ZK_CLOSED' } });
    await expectClosed(session, zk, closing);
  });

  it.each(['before the connection stands', 'during the handshake'])('is done at once %s', async (when) => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.end();
    const link = await session.attempt();
    if (when === 'during the handshake') link.open();
    await expectClosed(session, zk, zk.close());
  });

  it('is done at once during the very first attempt, whose caller hears of it', async () => {
    const controller = new AbortController();
    const session = new FakeSession({ signal: controller.signal });
    (await session.attempt()).open();
    controller.abort();
    await expect(session.connecting).rejects.toThrow(AggregateError);
    expect(session.link.isDestroyed).toBe(true);
  });

  it('after the session has expired changes nothing', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await session.reconnect({ timeOut: 0 });
    await zk.close();
    expect(zk.state).toBe('expired');
  });

  it('tells the watches that are left', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const events: WatchedEvent[] = [];
    const read = zk.exists('/a', { watch: (event) => void events.push(event) });
    await settled();
    session.link.answerWith(Stat, plainStat);
    await read;
    const closing = zk.close();
    await settled();
    session.link.answer();
    await closing;
    expect(events).toEqual([{ type: 'None', state: 'Closed', path: null }]);
  });
});
