import type { Keeper } from '@zk-recipes/core';
import { checkEnding, follow, messageOf, runOnBehalfOf, unfollow } from '@zk-recipes/core/recipe-kit';
import type { Consumer } from './consumer.js';
import type { ClaimedDelivery, Delivery, RetryOptions } from './delivery.js';
import type { FailedEvent } from './failures.js';
import type { ProcessOptions } from './options.js';

/** Outcome of a handler. */
type Outcome = 'done' | { readonly error: unknown };

/** Options of processing: the handler, and the listener for its failures. */
export interface ProcessingOptions<T> extends ProcessOptions {
  readonly handler: (delivery: Delivery<T>) => Promise<unknown> | unknown;
  /** Called when a handler threw; never throws. */
  readonly onFailed: (event: FailedEvent<T>) => void;
}

/** Calls a handler for each delivery of a consumer, and settles the delivery by the handler's outcome. */
export class Processing<T> {
  readonly #owner: object;
  readonly #keeper: Keeper;
  readonly #consumer: Consumer<T>;
  readonly #options: ProcessingOptions<T>;
  readonly #settling = new Set<Promise<void>>();
  /** Settlements for which a worker may still have to wait, in order. */
  readonly #unanswered: Promise<void>[] = [];

  /** @param owner object on whose behalf the handlers are called. @see refuseSelfWait of the kit */
  constructor(owner: object, keeper: Keeper, consumer: Consumer<T>, options: ProcessingOptions<T>) {
    this.#owner = owner;
    this.#keeper = keeper;
    this.#consumer = consumer;
    this.#options = options;
  }

  /**
   * Works until the signal aborts, or the consumer ends.
   *
   * @throws the consumer's error, when all handlers have ended
   */
  async untilEnded(): Promise<void> {
    const { concurrency = 1, signal } = this.#options;
    const timeoutMs = checkEnding({ timeoutMs: this.#options.timeoutMs });
    const stop = (): void => this.#consumer.stop();
    follow(signal, stop);
    if (signal?.aborted) stop();
    const worked = await Promise.allSettled(Array.from({ length: concurrency }, () => this.#work()));
    unfollow(signal, stop);
    // The handlers have ended: only work with the server remains, so the time limit starts here.
    await this.#consumer.leave(timeoutMs, Promise.all(this.#settling));
    for (const one of worked) if (one.status === 'rejected') throw one.reason;
  }

  /** Handles one delivery after the other. After the end of the consumer it does not wait for settlements. */
  async #work(): Promise<void> {
    const { prefetch = 0 } = this.#options;
    for (;;) {
      const delivery = await this.#consumer.next();
      if (delivery === null) return;
      const settling = this.#settle(delivery, await this.#handle(delivery));
      this.#settling.add(settling);
      void settling.then(() => this.#settling.delete(settling));
      this.#unanswered.push(settling);
      const oldest = this.#unanswered.length > prefetch ? this.#unanswered.shift() : undefined;
      if (oldest !== undefined) await unlessAborted(this.#consumer.ending, oldest);
    }
  }

  async #handle(delivery: Delivery<T>): Promise<Outcome> {
    try {
      await runOnBehalfOf(this.#owner, () => this.#options.handler(delivery));
      return 'done';
    } catch (error) {
      const { path, attempts: attempt, value } = delivery;
      this.#options.onFailed({ path, attempt, error, value });
      return { error };
    }
  }

  /**
   * Acknowledges or retries a delivery. Does nothing if the handler has settled the delivery, or it is lost and will be handed out again.
   */
  async #settle(delivery: ClaimedDelivery<T>, outcome: Outcome): Promise<void> {
    if (delivery.state !== 'held') return;
    const { refused } = delivery;
    if (refused !== null && outcome === 'done') return await delivery.abandon(refused);
    // A settlement that the handler began and did not await may be refused.
    const isDone = outcome === 'done' && (delivery.settlingVerb ?? 'ack') === 'ack';
    try {
      await delivery.settle(isDone ? 'ack' : 'retry', isDone ? {} : this.#retry(delivery, outcome));
    } catch (error) {
      if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, 'settling a delivery', delivery.path);
    }
  }

  #retry({ attempts, path }: Delivery<T>, outcome: Outcome): RetryOptions {
    const reason = outcome === 'done' ? undefined : messageOf(outcome.error);
    const { retryDelayMs = doubled } = this.#options;
    try {
      const delayMs = retryDelayMs(attempts);
      if (isDelay(delayMs)) return { delayMs, reason };
      // In JavaScript, `retryDelayMs` may be an async function; its rejection would otherwise be unhandled.
      Promise.resolve(delayMs).catch(() => {});
      throw new RangeError(`Expected \`retryDelayMs\` to return 0 to ${LONGEST_DELAY_MS}, got ${messageOf(delayMs)}`);
    } catch (error) {
      this.#keeper.reportBackgroundError(error, 'retryDelayMs of a queue', path);
      return { delayMs: doubled(attempts), reason };
    }
  }
}

/** Largest delay that a delivery accepts, in milliseconds. */
const LONGEST_DELAY_MS = 2 ** 40;

function isDelay(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_DELAY_MS;
}

function doubled(attempts: number): number {
  return Math.min(60_000, 1_000 * 2 ** (attempts - 1));
}

/** Waits for work that never rejects, until the signal aborts. */
async function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      unfollow(signal, goOn);
      resolve();
    };
    follow(signal, goOn);
    void work.then(goOn);
  });
}
