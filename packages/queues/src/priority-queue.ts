import type { Keeper } from '@zk-recipes/core';
import { checkOptions } from '@zk-recipes/core/recipe-kit';
import { byPriority, priorityName } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-<0 for negative, else 1><priority, 8 hexadecimal
 * digits><number>`, handed out in the order of their names, and keep their name when they are given back. Curator's
 * DistributedPriorityQueue has the same, but loses the priority of what it requeues.
 */

/** How an item is put into a priority queue. */
export interface PriorityOptions extends CallOptions {
  /** Lower goes first: an integer from -2^31 to 2^31-1, 0 by default. */
  readonly priority?: number | undefined;
}

/** Hands out items by priority, those of one priority in the order in which they were put. @see ZooKeeper's recipe "Priority Queues" */
export class PriorityQueue<T> extends WorkQueue<T> {
  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('PriorityQueue', byPriority, keeper, path, options);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; the signal's reason
   */
  async put(value: T, options: PriorityOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items of one priority by one transaction: all of them, or none. @throws as `put` */
  async putAll(values: readonly T[], options: PriorityOptions = {}): Promise<void> {
    checkOptions('put of PriorityQueue', schemas.priority, options);
    const { priority = 0, signal } = options;
    await this.putUnder(priorityName(priority), values, signal);
  }
}
