/**
 * This project's Queue in a process of its own: puts a backlog and works it off for each line of its input, and answers with what it found as
 * JSON. CuratorQueues.java does the same.
 *
 *   node child.mjs CONNECT_STRING PATH ITEMS CONSUMERS
 */
import { Keeper } from '../../packages/core/dist/index.js';
import { bytesCodec, Queue } from '../../packages/queues/dist/index.js';
import { fourLetterWord } from '../../test/support/dist/index.js';
import { answerWith } from '../turns.mjs';

const [connectString, basePath, itemsText, consumersText] = process.argv.slice(2);
const [items, crowd] = [Number(itemsText), Number(consumersText)];
const payload = Buffer.alloc(100, 'x');
const options = { codec: bytesCodec };
/** How many items are claimed ahead, where any are. */
const PREFETCH = 8;
let paths = 0;

const connect = () => Keeper.connect({ connectString, sessionTimeoutMs: 30_000 });
const freshPath = () => `${basePath}-${process.pid}-${++paths}`;

async function timed(work) {
  const startedAt = performance.now();
  await work();
  return ((performance.now() - startedAt) * 1000) / items;
}

/** One producer puts one item after the other, and then all that are left at once. */
async function put(windowSize) {
  const keeper = await connect();
  const queue = new Queue(keeper, freshPath(), options);
  await queue.put(payload);
  let left = items;
  const produce = async () => {
    while (left-- > 0) await queue.put(payload);
  };
  const wallUs = await timed(() => Promise.all(Array.from({ length: windowSize }, produce)));
  await keeper.close();
  return { wallUs };
}

/** Takes one item after the other, each when the one before is acknowledged. */
async function oneByOne(queue, signal, onDone) {
  try {
    for await (const item of queue.consume({ signal })) {
      await item.ack();
      onDone();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Works on one item at a time, while the next ones are claimed. */
async function withPrefetch(queue, signal, onDone) {
  await queue.process(onDone, { prefetch: PREFETCH, signal });
}

/** Consumers, each with a session of its own, work off what was put before. */
async function consume(consumers, workOff) {
  const path = freshPath();
  const producer = await connect();
  const backlog = new Queue(producer, path, options);
  for (let left = items; left > 0; left -= 500) {
    await backlog.putAll(Array.from({ length: Math.min(500, left) }, () => payload));
  }
  const keepers = await Promise.all(Array.from({ length: consumers }, connect));
  const ending = new AbortController();
  const before = await counters();
  let left = items;
  const onDone = () => {
    left -= 1;
    if (left === 0) ending.abort();
  };
  const work = (keeper) => workOff(new Queue(keeper, path, options), ending.signal, onDone);
  const wallUs = await timed(() => Promise.all(keepers.map(work)));
  const after = await counters();
  await Promise.all([producer, ...keepers].map((keeper) => keeper.close()));
  const perItem = Object.fromEntries(Object.keys(after).map((name) => [name, (after[name] - before[name]) / items]));
  return { wallUs, ...perItem };
}

/** What the server counts by itself. */
async function counters() {
  const answer = await fourLetterWord(connectString, 'mntr');
  const read = (name) => Number(new RegExp(`^zk_${name}\\s+(\\S+)$`, 'm').exec(answer)?.[1]);
  const kinds = ['created', 'deleted', 'changed', 'children'];
  return {
    requests: read('packets_received'),
    notifications: kinds.reduce((sum, kind) => sum + read(`sum_node_${kind}_watch_count`), 0),
  };
}

await answerWith(async () => ({
  putOne: await put(1),
  putMany: await put(256),
  consumeOne: await consume(1, oneByOne),
  consumeCrowd: await consume(crowd, oneByOne),
  aheadOne: await consume(1, withPrefetch),
  aheadCrowd: await consume(crowd, withPrefetch),
}));
