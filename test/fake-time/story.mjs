/**
 * What goes on in real time while a test runner fakes time: sessions, holds, time limits, pauses between attempts. A test runs it under the fake timers of
 * each test runner. Node's own clock and timers are taken here, before a test runner replaces them.
 */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import { Keeper } from '@zk-recipes/core';
import { LeaderLatch } from '@zk-recipes/leader-election';
import { Mutex } from '@zk-recipes/locks';
import { Queue } from '@zk-recipes/queues';
import { TestServer } from '@zk-recipes/test-server';

const { setTimeout } = timers;
const realNow = performance.now.bind(performance);

const HOUR_MS = 3_600_000;
const SESSION_MS = 800;
const DELAY_MS = 60;
/** A timer may fire so much earlier than the clock says. */
const TOLERANCE_MS = 5;

/** Everything begins, goes on and ends while time is faked. */
export async function liveInFakeTime(fakes) {
  fakes.install();
  const server = await TestServer.start({ tickTimeMs: 100 });
  try {
    const [keeper, other] = await Promise.all([connectTo(server), connectTo(server)]);
    await holdThroughAnHour(server, keeper, fakes);

    const hold = await new Mutex(keeper, '/busy').acquire();
    const beganMs = realNow();
    assert.equal(await new Mutex(other, '/busy').tryAcquire({ timeoutMs: DELAY_MS }), null);
    assert.ok(realNow() - beganMs >= DELAY_MS - TOLERANCE_MS);
    server.disconnect('all');
    assert.notEqual(await keeper.exists().forPath('/busy'), null);
    assert.equal(hold.state, 'held');
    await deliverAgain(keeper);
    await Promise.all([keeper.close(), other.close()]);
  } finally {
    await server.stop();
    fakes.uninstall();
  }
}

/** For fakes of `process.nextTick`, without which Node itself connects no socket: they are installed when the session has begun. */
export async function liveOnInFakeTime(fakes) {
  const server = await TestServer.start({ tickTimeMs: 100 });
  const keeper = await connectTo(server);
  fakes.install();
  try {
    await holdThroughAnHour(server, keeper, fakes);
  } finally {
    fakes.uninstall();
    await keeper.close();
    await server.stop();
  }
}

function connectTo(server) {
  return Keeper.connect({ connectString: server.connectString, sessionTimeoutMs: SESSION_MS });
}

/** A lock and an election outlive the session timeout, though fake time leaps by an hour and then stands still. */
async function holdThroughAnHour(server, keeper, fakes) {
  const hold = await new Mutex(keeper, '/lock').acquire();
  const latch = new LeaderLatch(keeper, '/leader');
  await latch.start();
  const tenure = await latch.awaitLeadership();
  await fakes.advance(HOUR_MS);
  await untilSynced(server, 2 * SESSION_MS);
  assert.equal(hold.signal.aborted, false);
  assert.ok(hold.validForMs() > 0 && hold.validForMs() <= SESSION_MS);
  assert.ok(tenure.validForMs() > 0 && latch.isLeader);
  assert.equal(await keeper.exists().forPath('/nothing'), null);
  await hold.release();
  await latch.close();
}

/** An item that is given back with a delay is delivered again when the delay has passed. */
async function deliverAgain(keeper) {
  const queue = new Queue(keeper, '/queue');
  await queue.put('work');
  const first = await queue.take();
  const beganMs = realNow();
  await first.retry({ delayMs: DELAY_MS });
  const second = await queue.take();
  assert.equal(second.attempts, 2);
  assert.ok(realNow() - beganMs >= DELAY_MS - TOLERANCE_MS);
  await second.ack();
}

/** Waits until each session has proved to be alive for so long; a session sends eight proofs in one session timeout. */
async function untilSynced(server, ms) {
  const synced = () => server.stats.requests.sync ?? 0;
  const enough = synced() + (server.stats.sessions * 8 * ms) / SESSION_MS;
  while (synced() < enough) await new Promise((resolve) => setTimeout(resolve, 20));
}
