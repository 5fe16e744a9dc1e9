import { ConnectionLossError, HoldLostError, type Keeper } from '@zk-recipes/core';
import { Queue } from '@zk-recipes/queues';
import type { SeenRequest } from '../stage/every-request-seen.js';

/** What a settlement may reject with when the session ends: it was lost before, or nobody can tell. */
export const LOST: readonly (new (...args: never[]) => Error)[] = [HoldLostError, ConnectionLossError];

/** Has all directories of a queue made, so that each scenario does not tell of that again. */
export async function open(other: Keeper, path: string): Promise<void> {
  const queue = new Queue(other, path);
  await queue.put('before');
  const delivery = await queue.take();
  await delivery.reject('before');
  const [letter] = await queue.deadLetters();
  if (letter !== undefined) await queue.revive(letter);
  await (await queue.take()).ack();
  // A place in line is given up again.
  const controller = new AbortController();
  const waiting = queue.take({ signal: controller.signal }).catch(() => {});
  while ((await other.exists().forPath(`${path}-side/line`)) === null) await other.sync().forPath(path);
  controller.abort();
  await waiting;
}

/** Removes a queue and all that belongs to it. */
export async function clear(other: Keeper, path: string): Promise<void> {
  for (const root of [path, `${path}-side`, `${path}-dead-letters`, `${path}-dead-letters-side`]) {
    await other.delete().deletingChildren().quietly().forPath(root);
  }
}

/**
 * Nobody waits for what is cleaned up, or is sent together with something else: the list of a directory with the watch on it, the item
 * with its claim.
 */
export function isWaitedFor({ operation }: SeenRequest): boolean {
  return !['delete', 'removeWatches', 'sync'].includes(operation);
}
