import { describe, expect, it } from 'vitest';
import { sessionOptions } from '../src/client/options.js';
import { Stat } from '../src/protocol/stat.js';
import { parseConnectString } from '../src/servers/connect-string.js';
import { Session } from '../src/session/session.js';
import { FakeClock, settled } from './fake-clock.js';
import { FakeDns } from './fake-dns.js';
import { FakeNetwork, plainStat } from './fake-network.js';
import { FakeSession } from './fake-session.js';
import { seededRandom } from './seeded-random.js';

const three = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

/** Has the server answer a request, so that it has proved useful. */
async function prove(session: FakeSession): Promise<void> {
  const read = (await session.connecting).exists('/');
  await settled();
  session.link.answerWith(Stat, plainStat);
  await read;
}

/** Ends each attempt at once until the client pauses; returns the addresses of these attempts. */
async function refuseRound(session: FakeSession): Promise<string[]> {
  const refused: string[] = [];
  for (;;) {
    await session.clock.advance(0);
    const link = session.network.links.at(-1);
    if (link === undefined || link.isDestroyed) return refused;
    refused.push(link.server.address);
    link.end('ECONNREFUSED');
  }
}

/** The failures with which a client gives up connecting. */
async function failuresOf(session: FakeSession, controller: AbortController): Promise<string[]> {
  controller.abort(new Error('enough'));
  const error = await session.connecting.catch((reason: unknown) => reason as AggregateError);
  return (error as AggregateError).errors.map(({ message }: Error) => message);
}

describe('a name with several addresses', () => {
  it('is several candidates, tried without a pause, and resolved again after the pause', async () => {
    const dns = new FakeDns({ zk1: three });
    const session = new FakeSession({ lookup: dns.lookup });
    expect(await refuseRound(session)).toEqual(three);
    await session.clock.advance(99);
    expect(session.network.links).toHaveLength(3);
    expect(dns.asked).toEqual(['zk1']);
    await session.clock.advance(101);
    expect(session.network.links).toHaveLength(4);
    expect(dns.asked).toEqual(['zk1', 'zk1']);
  });

  it('has its addresses tried one after the other before those of the next name', async () => {
    const dns = new FakeDns({ one: ['10.0.0.1', '::1'], two: ['10.0.0.2', '10.0.0.2'] });
    const session = new FakeSession({ connectString: 'one,two:99', lookup: dns.lookup });
    expect(await refuseRound(session)).toEqual(['10.0.0.1', '::1', '10.0.0.2']);
    expect(session.link.server).toEqual({ host: 'two', port: 99, address: '10.0.0.2' });
  });

  it('gives each address its share of the session timeout', async () => {
    const dns = new FakeDns({ zk1: three });
    const session = new FakeSession({ lookup: dns.lookup });
    await session.attempt();
    for (const tried of [1, 2]) {
      session.link.open();
      await session.clock.advance(1999);
      expect(session.network.links).toHaveLength(tried);
      await session.clock.advance(1);
    }
    expect(session.network.addresses).toEqual(three);
  });

  it('counts a name without an address as one candidate', async () => {
    const dns = new FakeDns({ zk: ['10.0.0.1', '10.0.0.2'] });
    const session = new FakeSession({ connectString: 'zk,unknown', lookup: dns.lookup });
    await session.attempt();
    await session.clock.advance(1999);
    expect(session.network.links).toHaveLength(1);
    await session.clock.advance(1);
    expect(session.network.links).toHaveLength(2);
  });

  it('spreads clients evenly over its addresses', async () => {
    const random = seededRandom(5);
    const dns = new FakeDns({ zk1: three });
    const counts = new Map(three.map((address) => [address, 0]));
    for (let i = 0; i < 300; i++) {
      const { server } = await new FakeSession({ lookup: dns.lookup, random }).attempt();
      counts.set(server.address, (counts.get(server.address) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(25);
  });

  it('has the address that was lost tried last, after the pause', async () => {
    const dns = new FakeDns({ zk1: three });
    const session = new FakeSession({ lookup: dns.lookup });
    await session.connect();
    await prove(session);
    session.link.end();
    expect(await refuseRound(session)).toEqual(['10.0.0.2', '10.0.0.3']);
    await session.clock.advance(200);
    expect(session.network.addresses.at(-1)).toBe('10.0.0.1');
  });

  it('has an address that accepts and closes count as tried', async () => {
    const dns = new FakeDns({ zk1: three });
    const session = new FakeSession({ lookup: dns.lookup });
    await session.connect();
    session.link.end();
    expect(await refuseRound(session)).toEqual(['10.0.0.2', '10.0.0.3']);
  });

  it('stays as configured in `server`; failures name the address', async () => {
    const controller = new AbortController();
    const dns = new FakeDns({ zk: ['10.0.0.1', 'fe80::1'], lost: new Error('getaddrinfo ENOTFOUND lost') });
    const session = new FakeSession({
      connectString: 'zk,lost,10.0.0.4',
      lookup: dns.lookup,
      signal: controller.signal,
    });
    await refuseRound(session);
    expect(await failuresOf(session, controller)).toEqual([
      'lost:2181: the look-up of lost failed: getaddrinfo ENOTFOUND lost',
      'zk:2181 (10.0.0.1): ECONNREFUSED',
      'zk:2181 (fe80::1): ECONNREFUSED',
      '10.0.0.4:2181: ECONNREFUSED',
    ]);
    const other = new FakeSession({ lookup: dns.lookup, connectString: 'zk' });
    expect((await other.connect()).server).toBe('zk:2181');
  });

  it('has its addresses asked for a server that takes writes, round after round and ever more slowly', async () => {
    const dns = new FakeDns({ zk1: three });
    const session = new FakeSession({ canBeReadOnly: true, lookup: dns.lookup });
    await session.connect({ readOnly: true });
    const first = session.link;
    const startMs = session.clock.now();
    const asked: [string, number][] = [];
    for (const answer of ['ro', 'ro', 'ro', 'rw']) {
      const probe = await session.attempt();
      asked.push([probe.server.address, session.clock.now() - startMs]);
      probe.open();
      probe.receive(Buffer.from(answer));
      first.keepAlive();
    }
    expect(asked).toEqual([
      ['10.0.0.1', 100],
      ['10.0.0.2', 300],
      ['10.0.0.3', 700],
      ['10.0.0.1', 1500],
    ]);
    expect((await session.attempt()).server.address).toBe('10.0.0.1');
  });
});

describe('look-ups', () => {
  it('are not needed for IP addresses', async () => {
    const dns = new FakeDns();
    const session = new FakeSession({ connectString: '10.0.0.1,[::1]:2182', lookup: dns.lookup });
    expect(await refuseRound(session)).toEqual(['10.0.0.1', '::1']);
    expect(dns.asked).toEqual([]);
  });

  it('begin for all names at once, one for each name', async () => {
    const dns = new FakeDns();
    const session = new FakeSession({ connectString: 'one,two:1,two:2,three', lookup: dns.lookup });
    await session.clock.advance(0);
    expect(dns.asked).toEqual(['one', 'two', 'three']);
    expect(session.network.links).toHaveLength(0);
  });

  it('may take longer than an attempt, and take nothing from its time', async () => {
    const dns = new FakeDns();
    const session = new FakeSession({
      connectString: 'one,two,three',
      sessionTimeoutMs: undefined,
      lookup: dns.lookup,
    });
    await session.clock.advance(5000);
    for (const host of ['one', 'two', 'three']) dns.answer(host, [`address-of-${host}`]);
    await session.clock.advance(0);
    expect(dns.asked).toEqual(['one', 'two', 'three']);
    session.link.open();
    await session.clock.advance(3332);
    session.link.accept();
    expect((await session.connecting).server).toBe('one:2181');
  });

  it('are waited for in the order of the servers for 250 ms, then answered names go first', async () => {
    const dns = new FakeDns({ two: ['10.0.0.2'] });
    const session = new FakeSession({ connectString: 'one,two,three', lookup: dns.lookup });
    await session.clock.advance(249);
    expect(session.network.links).toHaveLength(0);
    await session.clock.advance(1);
    expect(session.network.addresses).toEqual(['10.0.0.2']);
    dns.answer('one', ['10.0.0.1']);
    expect(await refuseRound(session)).toEqual(['10.0.0.2', '10.0.0.1']);
  });

  it('keep the order of the servers where answers come in another one', async () => {
    const dns = new FakeDns();
    const session = new FakeSession({ connectString: 'one,two', lookup: dns.lookup });
    await session.clock.advance(100);
    dns.answer('two', ['10.0.0.2']);
    await session.clock.advance(100);
    expect(session.network.links).toHaveLength(0);
    dns.answer('one', ['10.0.0.1']);
    expect(await refuseRound(session)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('that are pending are carried over from round to round, up to their limit of 10 s', async () => {
    const dns = new FakeDns({ one: ['10.0.0.1'] });
    const session = new FakeSession({ connectString: 'one,two', lookup: dns.lookup, reconnect: { maxDelayMs: 100 } });
    const asked = (host: string): number => dns.asked.filter((name) => name === host).length;
    await session.clock.advance(0);
    session.link.end();
    // An attempt follows each pause of 100 ms.
    for (let ms = 250; ms < 9900; ms += 100) {
      await session.clock.advance(ms === 250 ? 250 : 100);
      session.link.end();
    }
    expect(asked('one')).toBeGreaterThan(50);
    expect(asked('two')).toBe(1);
    for (let i = 0; i < 4; i++) {
      await session.clock.advance(100);
      session.link.end();
    }
    expect(asked('two')).toBe(2);
  });

  it('of all names without an answer fail after 10 s and begin anew after a pause', async () => {
    const controller = new AbortController();
    const dns = new FakeDns();
    const session = new FakeSession({ connectString: 'one,two', lookup: dns.lookup, signal: controller.signal });
    await session.clock.advance(9999);
    expect(dns.asked).toEqual(['one', 'two']);
    await session.clock.advance(1);
    expect(dns.asked).toEqual(['one', 'two']);
    await session.clock.advance(200);
    expect(dns.asked).toEqual(['one', 'two', 'one', 'two']);
    expect(await failuresOf(session, controller)).toEqual(
      ['one', 'two'].map(
        (host) => `${host}:2181: the look-up of ${host} failed: expected an answer within 10000 ms, got none`,
      ),
    );
    expect(session.clock.timerCount).toBe(0);
  });

  it('that are answered after their limit count, unless a later one has been answered', async () => {
    const dns = new FakeDns();
    const session = new FakeSession({ lookup: dns.lookup });
    await session.clock.advance(11_000);
    expect(dns.asked).toHaveLength(2);
    dns.answer('zk1', ['10.0.0.1']);
    await session.clock.advance(250);
    expect(session.network.addresses).toEqual(['10.0.0.1']);

    const other = new FakeSession({ connectString: 'zk2', lookup: dns.lookup });
    await other.clock.advance(11_000);
    const [late, inTime] = [['10.0.0.1'], ['10.0.0.2']];
    dns.hang('zk2');
    dns.set('zk2', inTime);
    await other.clock.advance(10_000);
    dns.answer('zk2', late);
    other.network.links.at(-1)?.end();
    await other.clock.advance(2000);
    expect(new Set(other.network.addresses)).toEqual(new Set(inTime));
  });

  it('that all fail are told by name, and repeated after a pause', async () => {
    const controller = new AbortController();
    const dns = new FakeDns({ one: new Error('getaddrinfo EAI_AGAIN one'), two: [] });
    const session = new FakeSession({ connectString: 'one,two', lookup: dns.lookup, signal: controller.signal });
    await session.clock.advance(99);
    expect(dns.asked).toEqual(['one', 'two']);
    await session.clock.advance(101);
    expect(dns.asked).toHaveLength(4);
    expect(await failuresOf(session, controller)).toEqual([
      'one:2181: the look-up of one failed: getaddrinfo EAI_AGAIN one',
      'two:2181: the look-up of two failed: expected at least one address, got none',
    ]);
  });

  it('may throw, or answer a single address', async () => {
    const controller = new AbortController();
    const session = new FakeSession({
      connectString: 'bad,good',
      signal: controller.signal,
      lookup: (host, _options, callback) => {
        if (host === 'bad') throw new TypeError('expected another host');
        callback(null, '10.0.0.1', 4);
      },
    });
    expect(await refuseRound(session)).toEqual(['10.0.0.1']);
    expect(await failuresOf(session, controller)).toContain(
      'bad:2181: the look-up of bad failed: expected another host',
    );
  });

  it('leave nothing behind when the client is closed meanwhile', async () => {
    const controller = new AbortController();
    const dns = new FakeDns();
    const session = new FakeSession({ lookup: dns.lookup, signal: controller.signal });
    await session.clock.advance(300);
    expect(await failuresOf(session, controller)).toEqual([]);
    expect(session.clock.timerCount).toBe(0);
    dns.answer('zk1', three);
    await session.clock.advance(60_000);
    expect(session.network.links).toHaveLength(0);
  });
});

it('a session reports failed look-ups until it has ended', async () => {
  const clock = new FakeClock();
  const dns = new FakeDns({ one: new Error('SERVFAIL') });
  const failures: string[] = [];
  const runtime = { clock, random: () => 0.999_999, open: new FakeNetwork().open, lookup: dns.lookup, firstXid: 1 };
  const session = new Session(parseConnectString('one,two').servers, sessionOptions({}, runtime), {
    onState: () => {},
    onEvent: () => {},
    onAttemptFailed: (_, { message }) => failures.push(message),
    onHistoryWentBack: () => {},
    onRestore: () => {},
    onEnd: () => {},
  });
  session.start();
  await clock.advance(0);
  session.close(0);
  dns.answer('two', new Error('SERVFAIL'));
  expect(failures).toEqual(['the look-up of one failed: SERVFAIL']);
});

describe('a session that was connected', () => {
  /** A client that was connected to `10.0.0.1` and has lost that connection; the look-ups of its name stay open. */
  async function lost(): Promise<{ session: FakeSession; dns: FakeDns }> {
    const dns = new FakeDns({ zk: ['10.0.0.1', '10.0.0.2'] });
    const session = new FakeSession({ connectString: 'zk', lookup: dns.lookup });
    await session.connect();
    await prove(session);
    dns.hang('zk');
    session.link.end();
    await session.clock.advance(0);
    expect(dns.asked).toHaveLength(2);
    return { session, dns };
  }

  it('follows a name whose addresses have changed', async () => {
    const { session, dns } = await lost();
    await session.clock.advance(249);
    dns.answer('zk', ['10.0.0.9']);
    await session.clock.advance(0);
    expect(session.network.addresses).toEqual(['10.0.0.1', '10.0.0.9']);
  });

  it('takes the last good answer after 250 ms, and the new one as soon as it comes', async () => {
    const { session, dns } = await lost();
    await session.clock.advance(249);
    expect(session.network.links).toHaveLength(1);
    await session.clock.advance(1);
    expect(session.network.addresses).toEqual(['10.0.0.1', '10.0.0.2']);
    dns.answer('zk', ['10.0.0.9']);
    expect(await refuseRound(session)).toEqual(['10.0.0.2', '10.0.0.9']);
  });

  it('takes the last good answer when the look-up fails', async () => {
    const { session, dns } = await lost();
    dns.answer('zk', new Error('getaddrinfo ENOTFOUND zk'));
    await session.clock.advance(0);
    expect(session.network.addresses).toEqual(['10.0.0.1', '10.0.0.2']);
  });
});

describe('updateServerList with names', () => {
  it('moves to a new name once that is resolved, and keeps the session', async () => {
    const dns = new FakeDns({ one: ['10.0.0.1'] });
    const session = new FakeSession({ connectString: 'one', lookup: dns.lookup });
    const zk = await session.connect();
    zk.updateServerList('two');
    await session.clock.advance(100);
    dns.answer('two', ['10.0.0.2']);
    expect(session.link.server.address).toBe('10.0.0.2');
    session.link.accept();
    expect(session.link.connectRequest?.sessionId).toBe(0x77n);
    expect(zk.server).toBe('two:2181');
  });

  it('counts servers, not addresses: a name in both lists keeps its clients', async () => {
    const dns = new FakeDns({ one: three, two: ['10.0.0.4'] });
    const session = new FakeSession({ connectString: 'one,10.0.0.5', lookup: dns.lookup });
    const zk = await session.connect();
    dns.set('one', ['10.0.0.9']);
    zk.updateServerList('one,two');
    await session.clock.advance(0);
    expect(zk.server).toBe('one:2181');
    expect(session.link.isDestroyed).toBe(false);
  });

  it('tries the servers of the new list in the middle of a round', async () => {
    const session = new FakeSession({ connectString: 'one,two' });
    const zk = await session.connect();
    session.link.end();
    await session.attempt();
    zk.updateServerList('one,two,three');
    expect((await refuseRound(session)).slice(-1)).toEqual(['three']);
    const other = new FakeSession({ connectString: 'one,two' });
    await other.connect();
    (await other.connecting).updateServerList('one,three');
    other.link.end();
    expect(await refuseRound(other)).toEqual(['three']);
  });

  it('ends the wait for look-ups of the list before', async () => {
    const dns = new FakeDns({ one: ['10.0.0.1'], two: ['10.0.0.2'] });
    const session = new FakeSession({ connectString: 'one', lookup: dns.lookup });
    const zk = await session.connect();
    zk.updateServerList('three');
    await session.clock.advance(5000);
    expect(session.network.links).toHaveLength(1);
    zk.updateServerList('two');
    await session.clock.advance(0);
    expect(session.network.addresses.at(-1)).toBe('10.0.0.2');
  });
});
