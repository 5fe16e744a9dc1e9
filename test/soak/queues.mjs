/**
 * A priority queue on a real ensemble for a long time, while leaders are killed, connections cut, replies and requests lost, and workers die
 * with what they hold: `npm run soak:queues -- <minutes>`, 10 by default. Ends with status 1 if an item was lost, was acknowledged twice, or
 * anything was left behind.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { exponentialBackoff, Keeper } from '@zk-recipes/core';
import { PriorityQueue } from '@zk-recipes/queues';
import { startEnsemble, TcpProxy } from '@zk-recipes/test-support';
import { OpCode } from 'zookeeper-ts-client/protocol';

const SESSION_MS = 4_000;
const PRODUCERS = 3;
const WORKERS = 4;
/** Of those who claim ahead. */
const HASTY_WORKERS = 2;
const PATH = '/soak/queue';
/** No more items than that wait; who is faster pauses. */
const BACKLOG = 500;
const MAX_ATTEMPTS = 50;
const PATIENCE_MS = 120_000;

const minutes = Number(process.argv[2] ?? 10);
const notes = {};
const note = (what) => {
  notes[what] = (notes[what] ?? 0) + 1;
};
process.on('unhandledRejection', (error) => {
  note('unhandled rejections');
  console.error('unhandled:', error);
});

const ensemble = await startEnsemble({ tickTimeMs: 500 });
const proxies = await Promise.all(ensemble.members.map(({ connectString }) => TcpProxy.inFrontOf(connectString)));
const connectString = proxies.map((proxy) => proxy.connectString).join(',');
const retry = exponentialBackoff({ baseDelayMs: 20, maxDelayMs: 500, maxRetries: 60 });
const connect = async () => {
  const keeper = await Keeper.connect({ connectString, sessionTimeoutMs: SESSION_MS, requestTimeoutMs: 30_000, retry });
  keeper.on('backgroundError', ({ operation }) => note(`background: ${operation}`));
  return keeper;
};

const ending = new AbortController();
const draining = new AbortController();
/** What is known of each item: whether its put resolved, and how often it was acknowledged, or may have been. */
const items = new Map();
const offences = [];

async function produce(index) {
  const queue = new PriorityQueue(await connect(), PATH, { maxAttempts: MAX_ATTEMPTS });
  for (let number = 0; !ending.signal.aborted; number++) {
    const value = `${index}/${number}`;
    const life = { isPut: false, acknowledged: 0, doubtful: 0, holder: null };
    items.set(value, life);
    try {
      await queue.put(value, { priority: number % 5 });
      life.isPut = true;
      if (number % 20 === 0 && (await queue.size()) > BACKLOG) await delay(100);
    } catch (error) {
      note(`put: ${error.code} ${error.outcome ?? ''}`);
    }
  }
}

/** Settles a delivery, and notes what is known of it then. */
async function settle(delivery, life) {
  const isRetry = Math.random() < 0.05;
  // Others may have what is given back before its giver hears that it is.
  life.holder = null;
  try {
    await (isRetry ? delivery.retry({ reason: 'by chance' }) : delivery.ack());
    if (!isRetry) life.acknowledged += 1;
    if (life.acknowledged > 1) offences.push(`${delivery.value} was acknowledged ${life.acknowledged} times`);
    note(isRetry ? 'retried' : 'acknowledged');
  } catch (error) {
    if (!isRetry && error.outcome === 'unknown') life.doubtful += 1;
    note(`settlement: ${error.code} ${error.outcome ?? error.reason ?? ''}`);
  }
}

/** Begins to work on a delivery. @returns what is known of its item */
function begin(delivery) {
  const life = items.get(delivery.value);
  if (life.acknowledged > 0) offences.push(`${delivery.value} was acknowledged, and is handed out`);
  if (life.holder?.state === 'held') offences.push(`${delivery.value} is handed out to two`);
  life.holder = delivery;
  return life;
}

/** As `work`, but claims items ahead, and waits for the answer to a settlement when there are some more. */
async function workHastily() {
  while (!draining.signal.aborted) {
    const keeper = await connect();
    const queue = new PriorityQueue(keeper, PATH, { maxAttempts: MAX_ATTEMPTS });
    const dying = new AbortController();
    let left = 20 + Math.floor(Math.random() * 2_000);
    const settling = [];
    const handle = async (delivery) => {
      const life = begin(delivery);
      left -= 1;
      // With all that it has claimed ahead.
      if (left === 0) {
        note('hasty workers died');
        void keeper.close();
        dying.abort();
        return await new Promise(() => {});
      }
      settling.push(settle(delivery, life));
      if (settling.length > 4) await settling.shift();
    };
    const signal = AbortSignal.any([draining.signal, dying.signal]);
    const processing = queue.process(handle, { prefetch: 6, signal });
    const died = new Promise((resolve) => dying.signal.addEventListener('abort', resolve, { once: true }));
    await Promise.race([processing, died]).catch((error) => note(`process: ${error.code ?? error}`));
    processing.catch(() => {});
    await Promise.all(settling);
    await keeper.close();
  }
}

/** Works until there is nothing left to do; dies now and then with what it holds, and another comes. */
async function work() {
  while (!draining.signal.aborted) {
    const keeper = await connect();
    const queue = new PriorityQueue(keeper, PATH, { maxAttempts: MAX_ATTEMPTS });
    const diesAfter = 20 + Math.floor(Math.random() * 2_000);
    let handled = 0;
    const settling = [];
    try {
      for await (const delivery of queue.consume({ concurrency: 2, signal: draining.signal })) {
        const life = begin(delivery);
        handled += 1;
        if (handled === diesAfter) break;
        settling.push(settle(delivery, life));
        if (settling.length > 1) await settling.shift();
      }
    } catch (error) {
      if (!draining.signal.aborted) note(`consume: ${error.code ?? error}`);
    }
    if (handled === diesAfter) note('workers died');
    await Promise.all(settling);
    await keeper.close();
  }
}

/** What goes wrong: by turns leaders are killed and connections cut, while replies and requests are lost all the time. */
async function disturb() {
  const lose = (proxy, what, share) => {
    const op = (request) => !ending.signal.aborted && request.op === OpCode.multi && Math.random() < share;
    void proxy[what]({ op }).then(() => {
      note(what);
      lose(proxy, what, share);
    });
  };
  for (const proxy of proxies) {
    lose(proxy, 'loseReplyOnce', 0.002);
    lose(proxy, 'loseRequestOnce', 0.001);
  }
  for (let round = 0; !ending.signal.aborted; round++) {
    await delay(4_000);
    if (round % 2 === 0) {
      for (const proxy of proxies) proxy.cut();
      note('cuts');
    } else {
      await (await ensemble.leader())?.kill();
      note('kills');
      await ensemble.untilServing();
      await ensemble.startAll();
    }
  }
}

async function within(ms, isTrue) {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (await isTrue()) return true;
    await delay(100);
  }
  return false;
}

const producing = Array.from({ length: PRODUCERS }, (_, index) => produce(index));
const working = [...Array.from({ length: WORKERS }, work), ...Array.from({ length: HASTY_WORKERS }, workHastily)];
const disturbing = disturb();
await delay(minutes * 60_000);
ending.abort();
await Promise.all([...producing, disturbing]);
await ensemble.untilServing();
const observer = await connect();
const queue = new PriorityQueue(observer, PATH);
const isDrained = await within(PATIENCE_MS, async () => (await queue.size()) === 0);
draining.abort();
await Promise.all(working);
const side = `${PATH}-side`;
const countIn = async (place) => (await observer.exists().forPath(`${side}/${place}`))?.numChildren ?? 0;
const places = ['claims', 'attempts', 'line'];
const left = async () => (await Promise.all(places.map(countIn))).reduce((sum, count) => sum + count, 0);
await within(2 * SESSION_MS, async () => (await left()) === 0);

for (const [value, { isPut, acknowledged, doubtful }] of items) {
  if (isPut && acknowledged + doubtful === 0) offences.push(`${value} is lost`);
}
const dead = (await queue.deadLetters()).length;
const verdict = { items: items.size, dead, left: await left(), drained: isDrained, offences: offences.length };
console.log(JSON.stringify({ ...verdict, notes }));
for (const offence of offences.slice(0, 20)) console.log(offence);
const isGood = isDrained && offences.length + dead + verdict.left === 0 && notes['unhandled rejections'] === undefined;
console.log(isGood ? 'clean' : 'not clean');
for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
await ensemble[Symbol.asyncDispose]();
process.exit(isGood ? 0 : 1);
