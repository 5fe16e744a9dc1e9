/**
 * A candidate in a process of its own: `node election-process.mjs <connect string> <path> <id> <session timeout> <kind>`.
 *
 * Says, in lines of JSON with the wall clock's time: `ready`, `elected`, `valid` (until when, time and again), `deposed`,
 * and `woken`: what its first look at the tenure found after a pause of its process. Hears: `close`.
 */
import { createInterface } from 'node:readline';
import { Keeper } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';

const [connectString, path, id, timeout, kind] = process.argv.slice(2);
const sessionTimeoutMs = Number(timeout);

function say(event, details = {}) {
  process.stdout.write(`${JSON.stringify({ event, id, atMs: Date.now(), ...details })}\n`);
}

/** Looks at the tenure often, as work would; a gap between two looks is a pause of the process. */
function work(tenure) {
  let lastMs = Date.now();
  const look = () => {
    const pausedMs = Date.now() - lastMs;
    lastMs = Date.now();
    const validForMs = tenure.validForMs();
    if (pausedMs > sessionTimeoutMs) say('woken', { pausedMs, validForMs, ...whatStands(tenure) });
    else if (validForMs > 0) say('valid', { token: String(tenure.fencingToken), untilMs: Date.now() + validForMs });
    if (tenure.signal.aborted) clearInterval(timer);
  };
  const timer = setInterval(look, 20);
  look();
}

function whatStands(tenure) {
  let guard = 'given';
  try {
    tenure.guard();
  } catch (error) {
    guard = error.code;
  }
  return { token: String(tenure.fencingToken), aborted: tenure.signal.aborted, state: tenure.state, guard };
}

function lead(tenure) {
  say('elected', { token: String(tenure.fencingToken) });
  work(tenure);
  return new Promise((resolve) => {
    const deposed = () => {
      say('deposed', { token: String(tenure.fencingToken), reason: tenure.signal.reason.reason });
      resolve();
    };
    if (tenure.signal.aborted) deposed();
    else tenure.signal.addEventListener('abort', deposed, { once: true });
  });
}

const keeper = await Keeper.connect({ connectString, sessionTimeoutMs });
const candidate =
  kind === 'LeaderLatch'
    ? new LeaderLatch(keeper, path, { id }).on('leader', (tenure) => void lead(tenure))
    : new LeaderSelector(keeper, path, lead, { id, autoRequeue: true });
await candidate.start();
say('ready', { sessionId: String(keeper.sessionId) });
createInterface({ input: process.stdin }).on('line', async () => {
  await candidate.close();
  await keeper.close();
  process.exit(0);
});
