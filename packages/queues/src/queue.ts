import type { Keeper } from '@zk-recipes/core';
import { checkOptions } from '@zk-recipes/core/recipe-kit';
import { inOrder, plainName } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-<number>`. The queue hands them out in the order in which
 * they were put. Curator's DistributedQueue uses the same names and the same order.
 */

/** First-in, first-out queue of claimed items. @see https://zookeeper.apache.org/doc/current/recipes.html, "Queues" */
export class Queue<T> extends WorkQueue<T> {
  /** @throws TypeError or RangeError for a wrong argument, which the message names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('Queue', inOrder, keeper, path, options);
  }

  /**
   * Puts an item at the end of the queue.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async put(value: T, options: CallOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items next to each other in one transaction, which puts all of them or none. @throws as `put` */
  async putAll(values: readonly T[], options: CallOptions = {}): Promise<void> {
    checkOptions('put of Queue', schemas.call, options);
    await this.putUnder(plainName(), values, options.signal);
  }
}
