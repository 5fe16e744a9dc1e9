import { expect, it } from 'vitest';
import { FakeClock } from '../../test/fake-clock.js';
import { FakeDns } from '../../test/fake-dns.js';
import type { Candidate } from '../servers/candidate.js';
import { ServerRotation } from './server-rotation.js';

/** A rotation over one name, in the order of its addresses. */
function setUp(dns: FakeDns, onLookupFailed: () => void = () => {}): { clock: FakeClock; rotation: ServerRotation } {
  const clock = new FakeClock();
  const reconnect = { minDelayMs: 100, maxDelayMs: 100 };
  const options = { clock, random: () => 0.999_999, reconnect, lookup: dns.lookup };
  return { clock, rotation: new ServerRotation([{ host: 'zk', port: 2181 }], options, onLookupFailed) };
}

it('ServerRotation gives no candidate when the listener for failed look-ups cancels it', async () => {
  const dns = new FakeDns({ zk: new Error('SERVFAIL') });
  let failures = 0;
  const { clock, rotation } = setUp(dns, () => {
    failures++;
    rotation.cancel();
  });
  rotation.next(() => expect.unreachable());
  await clock.advance(10_000);
  expect(failures).toBe(1);
  expect(clock.timerCount).toBe(0);
});

it('ServerRotation never calls back before `next` has returned', async () => {
  const { clock, rotation } = setUp(new FakeDns({ zk: ['10.0.0.1'] }));
  const given: Candidate[] = [];
  rotation.next((candidate) => given.push(candidate));
  expect(given).toEqual([]);
  await clock.advance(0);
  expect(given).toEqual([{ host: 'zk', port: 2181, address: '10.0.0.1' }]);
});

it('ServerRotation counts each address of a name once, and a name without an address as one', async () => {
  const dns = new FakeDns();
  const { clock, rotation } = setUp(dns);
  rotation.next(() => {});
  await clock.advance(0);
  expect(rotation.size).toBe(1);
  dns.answer('zk', ['10.0.0.1', '::1', '10.0.0.1']);
  expect(rotation.size).toBe(2);
});
