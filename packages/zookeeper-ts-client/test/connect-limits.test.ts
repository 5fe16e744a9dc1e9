import { describe, expect, it } from 'vitest';
import type { AttemptFailure } from '../src/client/options.js';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { plainStat } from './fake-network.js';
import { FakeSession } from './fake-session.js';

describe('the deadline of connecting', () => {
  it('rejects after 30 s by default with what each server said', async () => {
    const session = new FakeSession({ connectString: 'zk1,zk2' });
    for (let ms = 0; ms < 29_900; ms += 100) {
      await session.clock.advance(100);
      if (session.network.links.length > 0 && !session.link.isDestroyed)
        session.link.end(`${session.link.server.host} is down`);
    }
    let isPending = true;
    session.connecting.catch(() => {
      isPending = false;
    });
    await settled();
    expect(isPending).toBe(true);
    await session.clock.advance(100);
    const error = await session.connecting.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      name: 'ConnectFailedError',
      code: 'ZK_CONNECT_FAILED',
      message:
        'No session within 30000 ms (connectDeadlineMs): zk1:2181: zk1 is down; zk2:2181: zk2 is down (ZK_CONNECT_FAILED)',
    });
    expect(Object.keys(error as object)).toContain('code');
    await settled();
    expect(session.clock.timerCount).toBe(0);
  });

  it('is none with Infinity', async () => {
    const session = new FakeSession({ connectDeadlineMs: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 100; i++) (await session.attempt()).end();
    expect((await session.connect()).state).toBe('connected');
  });

  it('has no effect on the connection that was made in time', async () => {
    const session = new FakeSession({ connectDeadlineMs: 1000 });
    const zk = await session.connect();
    await session.clock.advance(1500);
    session.link.keepAlive();
    expect(zk.state).toBe('connected');
  });

  it.each([0, -1, 1.5, Number.NaN, '5'])('refuses %s', async (connectDeadlineMs) => {
    const session = new FakeSession({ connectDeadlineMs: connectDeadlineMs as number });
    await expect(session.connecting).rejects.toThrow(
      'Expected option `connectDeadlineMs` of ZooKeeper.connect to be a whole number from 1',
    );
  });
});

describe('onAttemptFailed', () => {
  it('is told of each attempt, counted from the last connection', async () => {
    const failures: AttemptFailure[] = [];
    const session = new FakeSession({ connectString: 'zk1,zk2', onAttemptFailed: (failure) => failures.push(failure) });
    for (const reason of ['one', 'two', 'three']) (await session.attempt()).end(reason);
    await session.connect();
    (await session.attemptAfterLoss()).end('four');
    const told = failures.map(({ server, error, attempt }) => `${attempt} ${server} ${error.message}`);
    expect(told).toEqual(['1 zk1:2181 one', '2 zk2:2181 two', '3 zk1:2181 three', '1 zk1:2181 four']);
  });

  it('is told what the port speaks that is not ZooKeeper’s', async () => {
    const told: string[] = [];
    const session = new FakeSession({ onAttemptFailed: ({ error }) => told.push(error.message) });
    for (const greeting of [
      'HTTP/1.1 400 Bad Request\r\n',
      'SSH-2.0-OpenSSH_9.2\r\n',
      '\u0015\u0003\u0003\u0000\u0002\u0002\u0046',
    ]) {
      const link = await session.attempt();
      link.open();
      link.receive(Buffer.from(greeting, 'latin1'));
    }
    expect(told).toEqual([
      'the server answered in HTTP: is this the port of its AdminServer, or of a proxy?',
      'the server answered in SSH: this is not a port of ZooKeeper',
      expect.stringContaining('the server answered in TLS: this port wants a client with TLS'),
    ]);
    // Of all that only this does not change by itself.
    await expect(session.connecting).rejects.toMatchObject({
      code: 'ZK_CONNECT_FAILED',
      errors: [{ cause: { code: 'ZK_TLS', failure: 'required' } }],
    });
  });

  it('harms nothing when it throws', async () => {
    const session = new FakeSession({
      onAttemptFailed: () => {
        throw new Error('listener');
      },
    });
    (await session.attempt()).end();
    expect((await session.connect()).state).toBe('connected');
  });

  it('has to be a function', async () => {
    const session = new FakeSession({ onAttemptFailed: 5 as never });
    await expect(session.connecting).rejects.toThrow(
      'Expected option `onAttemptFailed` of ZooKeeper.connect to be a function, got 5',
    );
  });
});

describe('a chroot', () => {
  it('that is missing is an error that names it', async () => {
    const session = new FakeSession({ connectString: 'zk1/apps/billing' });
    (await session.attempt()).accept();
    await settled();
    session.link.answer(-101);
    await expect(session.connecting).rejects.toMatchObject({ code: 'ZK_CHROOT_MISSING', chroot: '/apps/billing' });
    await settled();
    expect(session.link.sent).toEqual(['exists', 'closeSession']);
  });

  it('is created with its parents when that is wanted', async () => {
    const session = new FakeSession({ connectString: 'zk1/apps/billing', createChroot: true });
    (await session.attempt()).accept();
    await settled();
    session.link.answer(-101);
    await settled();
    expect(session.link.sent).toEqual(['exists', 'create2', 'create2']);
    session.link.answer(-110);
    session.link.answerCreate('/apps/billing');
    expect((await session.connecting).state).toBe('connected');
  });

  it('is looked for again when the connection breaks meanwhile', async () => {
    const session = new FakeSession({ connectString: 'zk1/app' });
    (await session.attempt()).accept();
    await settled();
    await session.reconnect();
    session.link.answerWith(Stat, plainStat);
    expect((await session.connecting).state).toBe('connected');
  });
});
