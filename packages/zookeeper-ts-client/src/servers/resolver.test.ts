import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/fake-clock.js';
import { FakeDns } from '../../test/fake-dns.js';
import type { ServerAddress } from './connect-string.js';
import { formatServer } from './connect-string.js';
import { Resolver } from './resolver.js';

const [a, a2, b] = [
  { host: 'a', port: 1 },
  { host: 'a', port: 2 },
  { host: 'b', port: 1 },
] as const satisfies readonly ServerAddress[];

/** A resolver, what it is told by DNS, and the failures that it reported. */
function setUp(): { clock: FakeClock; dns: FakeDns; resolver: Resolver; failures: string[] } {
  const clock = new FakeClock();
  const dns = new FakeDns();
  const failures: string[] = [];
  const resolver = new Resolver(dns.lookup, clock, (server, { message }) =>
    failures.push(`${formatServer(server)} ${message}`),
  );
  return { clock, dns, resolver, failures };
}

describe('Resolver', () => {
  it('knows each address of an answer once, and keeps those of the last good one', () => {
    const { dns, resolver } = setUp();
    resolver.refresh([a]);
    expect(resolver.addressesOf(a)).toEqual([]);
    dns.answer('a', ['10.0.0.1', '10.0.0.2', '10.0.0.1']);
    expect(resolver.addressesOf(a)).toEqual(['10.0.0.1', '10.0.0.2']);
    resolver.refresh([a]);
    dns.answer('a', new Error('SERVFAIL'));
    expect(resolver.addressesOf(a)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('asks once for a name of several servers, and reports a failure for each of them', () => {
    const { dns, resolver, failures } = setUp();
    resolver.refresh([a, a2, b]);
    expect(dns.asked).toEqual(['a', 'b']);
    const cause = new Error('SERVFAIL');
    dns.answer('a', cause);
    expect(failures).toEqual(['a:1 the look-up of a failed: SERVFAIL', 'a:2 the look-up of a failed: SERVFAIL']);
  });

  it('forgets names that are not in the list any more, and reports nothing of them', () => {
    const { dns, resolver, failures } = setUp();
    resolver.refresh([a, b]);
    dns.answer('b', ['10.0.0.2']);
    resolver.refresh([]);
    dns.answer('a', new Error('SERVFAIL'));
    expect(failures).toEqual([]);
    expect(resolver.addressesOf(b)).toEqual([]);
  });

  it('is settling for 250 ms, then pending for up to 10 s', async () => {
    const { clock, resolver, failures } = setUp();
    resolver.refresh([a]);
    await clock.advance(249);
    expect(resolver.isSettling(a)).toBe(true);
    await clock.advance(1);
    expect(resolver.isSettling(a)).toBe(false);
    expect(resolver.isPending(a)).toBe(true);
    let calls = 0;
    resolver.onceChanged(() => calls++);
    await clock.advance(9749);
    expect(calls).toBe(0);
    await clock.advance(1);
    expect(calls).toBe(1);
    expect(resolver.isPending(a)).toBe(false);
    expect(failures).toEqual(['a:1 the look-up of a failed: expected an answer within 10000 ms, got none']);
  });

  it('calls back once for several changes, and never after it was cancelled', async () => {
    const { clock, dns, resolver } = setUp();
    resolver.refresh([a, b]);
    const calls: string[] = [];
    resolver.onceChanged(() => calls.push('kept'));
    resolver.onceChanged(() => calls.push('cancelled'))();
    dns.answer('a', ['10.0.0.1']);
    dns.answer('b', new Error('SERVFAIL'));
    await clock.advance(20_000);
    expect(calls).toEqual(['kept']);
    expect(clock.timerCount).toBe(0);
  });
});
