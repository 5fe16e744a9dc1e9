import { withAnySignal } from '@zk-recipes/core/recipe-kit';
import type { Consumer } from './consumer.js';
import type { Delivery } from './delivery.js';

/** How to iterate over deliveries. */
export interface DeliveriesOptions {
  /** How many deliveries may be unsettled at once. */
  readonly concurrency: number;
  /** How long the server is waited for when the iterator ends, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A consumer as an iterator over its deliveries. It is begun when the first one is asked for. */
export class Deliveries<T> implements AsyncIterableIterator<Delivery<T>> {
  readonly #begin: (signal: AbortSignal | undefined) => Promise<Consumer<T>>;
  readonly #options: DeliveriesOptions;
  readonly #leaving = new AbortController();
  #consumer: Promise<Consumer<T>> | null = null;

  /** @param begin makes the consumer, unless the signal aborts before */
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

  /** The loop was left. Where there is but one delivery at a time, nobody works on that any more: it goes back. */
  async return(): Promise<IteratorResult<Delivery<T>, undefined>> {
    this.#leaving.abort();
    await this.#end(false);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @param isBrief whether the caller has given up: if nothing was handed out that is unsettled, it does not wait long */
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
 * The caller has heard that a settlement was refused, and asks for the next delivery: the background settles the last one. Where several
 * deliveries may be unsettled, the caller may be about to settle it once more.
 */
function abandonRefused<T>(consumer: Consumer<T>): void {
  for (const delivery of consumer.handed) {
    const { refused } = delivery;
    if (refused !== null) void delivery.abandon(refused);
  }
}
