import type { Keeper } from '@zk-recipes/core';
import { checkOptions, systemClock } from '@zk-recipes/core/recipe-kit';
import { byDueTime, dueTimeName } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-|<time when it is due, in milliseconds since 1970, 8 or
 * more hexadecimal digits>|<number>`, and are handed out at that time or later, by the clock of the consumer; of several that are due, the one
 * that was due first. Curator's DistributedDelayQueue has the same, but forgets the time of what it requeues.
 */

/** How an item is put into a delay queue. */
export interface DelayOptions extends CallOptions {
  /** Milliseconds, up to 2^40, from now on, by this machine's clock. Default 0. */
  readonly delayMs?: number | undefined;
  /** Instead: when it is due. */
  readonly at?: Date | undefined;
}

/** Hands out items when they are due. Machines need clocks that agree as well as the times are to be kept. */
export class DelayQueue<T> extends WorkQueue<T> {
  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('DelayQueue', byDueTime, keeper, path, options);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; the signal's reason
   */
  async put(value: T, options: DelayOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items that are due at the same time by one transaction: all of them, or none. @throws as `put` */
  async putAll(values: readonly T[], options: DelayOptions = {}): Promise<void> {
    checkOptions('put of DelayQueue', schemas.delay, options);
    const { delayMs = 0, at, signal } = options;
    const dueAtMs = at?.getTime() ?? systemClock.wallNow() + Math.ceil(delayMs);
    await this.putUnder(dueTimeName(dueAtMs), values, signal);
  }
}
