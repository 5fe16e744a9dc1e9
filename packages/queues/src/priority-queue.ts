import type { Keeper } from '@zk-recipes/core';
import { checkOptions } from '@zk-recipes/core/recipe-kit';
import { byPriority, priorityName } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-<0 for negative, else 1><priority, 8 hexadecimal
 * digits><number>`. The queue hands them out in the order of their names, and a released item keeps its name. Curator's DistributedPriorityQueue
 * uses the same names, but loses the priority of an item that it requeues.
 */

/** Options of a put into a priority queue. */
export interface PriorityOptions extends CallOptions {
  /** Priority of the item: an integer from -2^31 to 2^31-1. The queue hands out lower values first. Default 0. */
  readonly priority?: number | undefined;
}

/**
 * Queue that hands out items by priority, and items of equal priority in the order of their puts. @see ZooKeeper's recipe "Priority Queues"
 */
export class PriorityQueue<T> extends WorkQueue<T> {
  /** @throws TypeError or RangeError for a wrong argument, which the message names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('PriorityQueue', byPriority, keeper, path, options);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async put(value: T, options: PriorityOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items of one priority in one transaction, which puts all of them or none. @throws as `put` */
  async putAll(values: readonly T[], options: PriorityOptions = {}): Promise<void> {
    checkOptions('put of PriorityQueue', schemas.priority, options);
    const { priority = 0, signal } = options;
    await this.putUnder(priorityName(priority), values, signal);
  }
}
