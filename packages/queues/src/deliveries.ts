import { withAnySignal } from '@zk-recipes/core/recipe-kit';
import type { Consumer } from './consumer.js';
import type { Delivery } from './delivery.js';

/** Options of an iterator over deliveries. */
export interface DeliveriesOptions {
  /** Largest number of unsettled deliveries. */
  readonly concurrency: number;
  /** Longest wait in milliseconds for the server when the iterator ends. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Iterator over the deliveries of a consumer. The first call of `next` creates the consumer. */
export class Deliveries<T> implements AsyncIterableIterator<Delivery<T>> {
  readonly #begin: (signal: AbortSignal | undefined) => Promise<Consumer<T>>;
  readonly #options: DeliveriesOptions;
  readonly #leaving = new AbortController();
  #consumer: Promise<Consumer<T>> | null = null;

  /** @param begin creates the consumer, unless the signal aborts first */
  constructor(begin: (signal: AbortSignal | undefined) => Promise<Consumer<T>>, options: DeliveriesOptions) {
    this.#begin = begin;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<Delivery<T>, undefined>> {
    const { signal: leaving } = this.#leaving;
    if (leaving.aborted) return { done: true, value: undefined };
    this.#consumer ??= withAnySignal([this.#options.signal, leaving], this.#begin);
    try {
      const consumer = await this.#consumer;
      if (this.#options.concurrency === 1) abandonRefused(consumer);
      const value = await consumer.next();
      return value === null ? { done: true, value: undefined } : { done: false, value };
    } catch (error) {
      if (leaving.aborted) return { done: true, value: undefined };
      // A loop that ends by an error of the iterator does not call `return()`.
      await this.#end(true);
      throw error;
    }
  }

  /**
   * Ends the iterator when the caller leaves the loop. If `concurrency` is 1, the single delivery is released, because the caller's work
   * has ended.
   */
  async return(): Promise<IteratorResult<Delivery<T>, undefined>> {
    this.#leaving.abort();
    await this.#end(false);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @param isBrief whether the caller has given up: then it waits only briefly if no handed-out delivery is unsettled */
  async #end(isBrief: boolean): Promise<void> {
    const consumer = await this.#consumer?.catch(() => null);
    if (consumer == null) return;
    const { concurrency, timeoutMs } = this.#options;
    consumer.stop();
    if (isBrief && consumer.handed.length === 0) return await consumer.leaveBriefly();
    const unsettled = concurrency === 1 ? consumer.handed : [];
    await Promise.all([...unsettled.map((delivery) => delivery.giveBack(timeoutMs)), consumer.leave(timeoutMs)]);
  }
}

/**
 * Lets the background settle a delivery whose settlement was refused: the caller has received the refusal, and asks for the next delivery.
 * Used only if `concurrency` is 1. With more deliveries, the caller may be about to settle the refused one again.
 */
function abandonRefused<T>(consumer: Consumer<T>): void {
  for (const delivery of consumer.handed) {
    const { refused } = delivery;
    if (refused !== null) void delivery.abandon(refused);
  }
}
