/**
 * Somebody who takes items of a queue, in a process of its own, and never settles them:
 * `node queue-taker.mjs <connect string> <path> <session timeout> <kind>`, with the kinds `queue`, `ahead` and `simple`.
 *
 * Says `ready`, and `taken` with the value of each item. Of a queue that is one, for `ahead` with three more claimed; of a simple one all that come.
 */
import { Keeper } from '@zk-recipes/core';
import { Queue, SimpleQueue, textCodec } from '@zk-recipes/queues';
import { say } from './holding.mjs';

const [connectString, path, timeout, kind] = process.argv.slice(2);
const keeper = await Keeper.connect({ connectString, sessionTimeoutMs: Number(timeout) });
say('ready', {});
if (kind === 'simple') {
  const queue = new SimpleQueue(keeper, path);
  for (;;) say('taken', { value: String(await queue.take()) });
}
const queue = new Queue(keeper, path, { codec: textCodec });
if (kind === 'ahead') {
  const work = ({ value, attempts }) => {
    say('taken', { value, attempts });
    return new Promise(() => {});
  };
  await queue.process(work, { prefetch: 3 });
}
const { value } = await queue.take();
say('taken', { value });
