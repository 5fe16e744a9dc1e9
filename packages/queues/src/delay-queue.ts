import type { Keeper } from '@zk-recipes/core';
import { checkOptions, systemClock } from '@zk-recipes/core/recipe-kit';
import { byDueTime, dueTimeName } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-|<due time in milliseconds since 1970, 8 or more hexadecimal
 * digits>|<number>`. The queue hands out an item at its due time or later, by the consumer's clock. Of several due items, the item that was due
 * first goes first. Curator's DistributedDelayQueue uses the same names, but forgets the due time of an item that it requeues.
 */

/** Options of a put into a delay queue. */
export interface DelayOptions extends CallOptions {
  /** Milliseconds from now, by this machine's clock, until the item is due. Default 0; at most 2^40. */
  readonly delayMs?: number | undefined;
  /** Time when the item is due, as an alternative to `delayMs`. */
  readonly at?: Date | undefined;
}

/** Queue that hands out items when they are due. Due times are as accurate as the clocks of the machines agree. */
export class DelayQueue<T> extends WorkQueue<T> {
  /** @throws TypeError or RangeError for a wrong argument, which the message names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('DelayQueue', byDueTime, keeper, path, options);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async put(value: T, options: DelayOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items with the same due time in one transaction, which puts all of them or none. @throws as `put` */
  async putAll(values: readonly T[], options: DelayOptions = {}): Promise<void> {
    checkOptions('put of DelayQueue', schemas.delay, options);
    const { delayMs = 0, at, signal } = options;
    const dueAtMs = at?.getTime() ?? systemClock.wallNow() + Math.ceil(delayMs);
    await this.putUnder(dueTimeName(dueAtMs), values, signal);
  }
}
