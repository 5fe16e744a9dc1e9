/** One process of the cluster. Its settings are environment variables; see the README. */
import { setTimeout as delay } from 'node:timers/promises';
import { Keeper } from '@zk-recipes/core';
import type { LockHold } from '@zk-recipes/locks';
import { runOnce } from '../run-once.js';
import { slots } from '../schedule.js';

const { env } = process;
const id = env['SERVICE_NAME'] || `cron-${process.pid}`;
const everyMs = Number(env['EVERY_MS'] || 60_000);
const workMs = Number(env['WORK_MS'] || 1_000);
const job = 'nightly-report';

/** What happens, a JSON object a line. */
const say = (message: object): void => console.log(JSON.stringify({ id, ...message }));

const keeper = await Keeper.connect({
  connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
  namespace: env['SERVICE_NAMESPACE'] || 'cron',
  sessionTimeoutMs: Number(env['SESSION_TIMEOUT_MS'] || 10_000),
});
keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

/** How long the runs under way may take to end, in milliseconds: less than it takes until a process is killed that does not end. */
const ENDING_MS = 2_000;

/** The job itself. What it does outside of ZooKeeper it may do twice, when a process dies in the middle. */
async function work(slot: string, hold: LockHold): Promise<string> {
  say({ event: 'begun', slot, token: `${hold.fencingToken}` });
  // A run that the end of the process interrupts is another process's.
  await delay(workMs, undefined, { signal: AbortSignal.any([hold.signal, stopping.signal]) });
  return `report of ${slot}`;
}

async function run(slot: string): Promise<void> {
  try {
    const outcome = await runOnce(keeper, { job, slot }, (hold) => work(slot, hold), { id, signal: stopping.signal });
    say({ event: outcome, slot });
  } catch (error) {
    // The lock was lost, or the process is to end: another process completes it.
    if (!stopping.signal.aborted) say({ event: 'left to others', slot, why: `${error}` });
  }
}

say({ event: 'started' });
const running = new Set<Promise<void>>();
for await (const slot of slots(everyMs, stopping.signal)) {
  // Not awaited: a slot that takes long, or whose process has died, does not hold up the next one.
  const one = run(slot).finally(() => running.delete(one));
  running.add(one);
}
// Without a server a run can neither write down its result nor say so: the closing of the keeper ends it.
await Promise.race([Promise.all(running), delay(ENDING_MS, undefined, { ref: false })]);
await keeper.close();
