/**
 * Locks on a real ensemble for a long time, while leaders are killed, connections cut, replies and requests lost, and contenders give up:
 * `npm run soak -- <minutes>`, 10 by default, for all scenarios together. Ends with status 1 if anything was wrong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { exponentialBackoff, Keeper } from '@zk-recipes/core';
import { fourLetterWord, startEnsemble, TcpProxy } from '@zk-recipes/test-support';
import { Journal } from './journal.mjs';
import { scenarios } from './scenarios.mjs';

const SESSION_MS = 4_000;
const SESSIONS = 5;
const CONTENDERS = 20;
const HOLD_MS = 5;
/** Sections before the first fault: less proves nothing. */
const WARM_UP = 50;
/** Longer than that nobody may take to end, or to leave nothing behind. */
const PATIENCE_MS = SESSION_MS + 4_000;

const minutes = Number(process.argv[2] ?? 10);
let rejections = 0;
process.on('unhandledRejection', (error) => {
  rejections += 1;
  console.error('unhandled:', error);
});

/** Acquires and releases until the signal aborts. */
async function contend(keeper, root, { kinds, givenUp }, journal, signal, note) {
  while (!signal.aborted) {
    const { lock, ...what } = kinds[Math.floor(Math.random() * kinds.length)](keeper, root);
    const options = what.permits === undefined ? {} : { permits: what.permits };
    if (Math.random() < givenUp) options.signal = AbortSignal.timeout(1 + Math.floor(Math.random() * 50));
    try {
      const hold = await lock.acquire(options);
      const forget = journal.granted(what, hold);
      await delay(HOLD_MS);
      if (hold.state === 'lost') note('lost');
      forget();
      await hold.release();
    } catch (error) {
      if (options.signal?.aborted && error === options.signal.reason) note('given up');
      else note(`rejected: ${error.name} ${error.message}`.slice(0, 120));
    }
  }
}

/** Resolves with whether it came true in time. */
async function within(ms, isTrue) {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (await isTrue()) return true;
    await delay(50);
  }
  return false;
}

async function watchCount(ensemble) {
  const answers = await Promise.all(ensemble.members.map(({ connectString }) => fourLetterWord(connectString, 'wchs')));
  return answers.reduce((sum, answer) => sum + Number(/Total watches:(\d+)/.exec(answer)?.[1] ?? 0), 0);
}

async function play(scenario, ensemble, proxies, durationMs) {
  const root = `/soak/${scenario.name.split(' ')[0]}`;
  const journal = new Journal();
  const notes = {};
  const note = (what) => {
    notes[what] = (notes[what] ?? 0) + 1;
  };
  const connectString = proxies.map((proxy) => proxy.connectString).join(',');
  const retry = exponentialBackoff({ baseDelayMs: 20, maxDelayMs: 500, maxRetries: 60 });
  const connect = () =>
    Keeper.connect({ connectString, sessionTimeoutMs: SESSION_MS, requestTimeoutMs: 30_000, retry });
  const keepers = await Promise.all(Array.from({ length: SESSIONS }, connect));
  for (const keeper of keepers) keeper.on('backgroundError', ({ operation }) => note(`background: ${operation}`));
  const stopping = new AbortController();
  const ending = new AbortController();
  const running = Array.from({ length: CONTENDERS }, (_, index) =>
    contend(keepers[index % SESSIONS], root, scenario, journal, ending.signal, note),
  );
  let over = 0;
  for (const one of running) void one.then(() => over++);
  await within(PATIENCE_MS, () => journal.sections >= WARM_UP);
  const disturbing = scenario.disturb({ ensemble, proxies, signal: stopping.signal, note });
  await delay(durationMs);
  stopping.abort();
  await disturbing;
  const before = journal.sections;
  await delay(3_000);
  const after = journal.sections - before;
  const { maxGapMs } = journal;
  ending.abort();
  await within(PATIENCE_MS, () => over === CONTENDERS);
  const observer = await connect();
  const nodesLeft = () => countLeaves(observer, root);
  await within(PATIENCE_MS, async () => (await nodesLeft()) === 0 && (await watchCount(ensemble)) === 0);
  const left = { znodes: await nodesLeft(), watches: await watchCount(ensemble), hung: CONTENDERS - over };
  await Promise.all([observer, ...keepers].map((keeper) => keeper.close()));
  const verdict = { name: scenario.name, sections: journal.sections, offences: journal.offences.length };
  console.log(JSON.stringify({ ...verdict, maxGapMs, after, mostTogether: journal.mostTogether, ...left, notes }));
  for (const offence of journal.offences.slice(0, 10)) console.log(offence);
  const isClean = journal.offences.length + left.znodes + left.watches + left.hung === 0;
  return isClean && maxGapMs <= scenario.maxGapMs && after > 0;
}

/** Ephemerals below a path. */
async function countLeaves(keeper, path) {
  const names = await keeper
    .getChildren()
    .forPath(path)
    .catch(() => []);
  const counts = await Promise.all(
    names.map(async (name) => {
      const stat = await keeper.exists().forPath(`${path}/${name}`);
      if (stat === null) return 0;
      return stat.ephemeralOwner === 0n ? await countLeaves(keeper, `${path}/${name}`) : 1;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const ensemble = await startEnsemble({ tickTimeMs: 500 });
const proxies = await Promise.all(ensemble.members.map(({ connectString }) => TcpProxy.inFrontOf(connectString)));
let isGood = true;
for (const scenario of scenarios) {
  isGood = (await play(scenario, ensemble, proxies, (minutes * 60_000) / scenarios.length)) && isGood;
}
for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
await ensemble[Symbol.asyncDispose]();
console.log(isGood && rejections === 0 ? 'clean' : `not clean, ${rejections} unhandled rejections`);
process.exitCode = isGood && rejections === 0 ? 0 : 1;
