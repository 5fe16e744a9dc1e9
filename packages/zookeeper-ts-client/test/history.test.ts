import { describe, expect, it } from 'vitest';
import { settled } from './fake-clock.js';
import { FakeSession } from './fake-session.js';

/** A server that is behind what the client has seen: it closes the handshake without a word. */
async function closeSilently(session: FakeSession): Promise<bigint | undefined> {
  const link = await session.attempt();
  link.open();
  const seen = link.connectRequest?.lastZxidSeen;
  link.end();
  return seen;
}

describe('a new session of a program that has seen the history of the servers', () => {
  it('tells the servers what was seen', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    const link = await session.attempt();
    link.open();
    expect(link.connectRequest?.lastZxidSeen).toBe(50n);
    link.accept();
    await settled();
    const zk = await session.connecting;
    expect(zk.lastZxid).toBe(50n);
    expect(zk.historyWentBack).toBeNull();
  });

  it('keeps back what was seen once every server has closed the handshake, and is told that history went back', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2', lastZxidSeen: 50n, canBeReadOnly: true });
    for (let i = 0; i < 3; i++) expect(await closeSilently(session)).toBe(50n);
    const link = await session.attempt();
    link.open();
    expect(link.connectRequest).toMatchObject({ lastZxidSeen: 0n, sessionId: 0n, readOnly: false });
    link.accept();
    await settled();
    expect(link.sent).toEqual(['ping']);
    link.pong(7n);
    const zk = await session.connecting;
    expect(zk.historyWentBack).toEqual({ lastZxidSeen: 50n, serverZxid: 7n });
    expect(zk.lastZxid).toBe(7n);
  });

  it('is told before the client is connected', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    for (let i = 0; i < 2; i++) await closeSilently(session);
    (await session.attempt()).accept();
    let isConnected = false;
    session.connecting.then(() => {
      isConnected = true;
    });
    await settled();
    expect(isConnected).toBe(false);
    session.link.pong(7n);
    await settled();
    expect(isConnected).toBe(true);
  });

  it('goes on with what was seen when the servers had other reasons to close', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    for (let i = 0; i < 2; i++) await closeSilently(session);
    (await session.attempt()).accept();
    session.link.pong(51n);
    const zk = await session.connecting;
    expect(zk.historyWentBack).toBeNull();
    expect(zk.lastZxid).toBe(51n);
  });

  it('asks again when the connection breaks before the server has said how far its history goes', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    for (let i = 0; i < 2; i++) await closeSilently(session);
    (await session.attempt()).accept();
    session.link.end();
    const link = await session.attempt();
    link.open();
    expect(link.connectRequest).toMatchObject({ lastZxidSeen: 0n, sessionId: 0x77n });
    link.accept();
    link.pong(7n);
    expect((await session.connecting).historyWentBack).toEqual({ lastZxidSeen: 50n, serverZxid: 7n });
  });

  it('says what it has seen as long as servers only refuse connections', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    for (let i = 0; i < 5; i++) (await session.attempt()).end('ECONNREFUSED');
    const link = await session.attempt();
    link.open();
    expect(link.connectRequest?.lastZxidSeen).toBe(50n);
  });

  it('never keeps it back for a session that it already has', async () => {
    const session = new FakeSession({ lastZxidSeen: 50n });
    await session.connect();
    session.link.end();
    for (let i = 0; i < 4; i++) expect(await closeSilently(session)).toBe(50n);
  });
});

it.each([-1n, 1, '5'])('refuses %s as lastZxidSeen', async (lastZxidSeen) => {
  const session = new FakeSession({ lastZxidSeen: lastZxidSeen as bigint });
  await expect(session.connecting).rejects.toThrow(
    'Expected option `lastZxidSeen` of ZooKeeper.connect to be a bigint from 0n',
  );
});
