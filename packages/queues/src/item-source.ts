import type { Keeper } from '@zk-recipes/core';
import { checkFunction, checkOptions, momentOf, namesIn, orNull, systemClock } from '@zk-recipes/core/recipe-kit';
import { Backlog, itemPath } from './backlog.js';
import type { Codec } from './codec.js';
import { Consumer, type ConsumerOptions, Deliveries } from './consumer.js';
import { type DeadLetter, readDeadLetters } from './dead-letters.js';
import type { Delivery } from './delivery.js';
import { unframeItems } from './item-framing.js';
import { type ItemNaming, isItem } from './item-name.js';
import type { Job } from './job.js';
import { type CallOptions, type ConsumeOptions, type ProcessOptions, schemas } from './options.js';
import type { Store } from './places.js';
import { named } from './queue-view.js';

/** Where items are, and how they are to be understood. */
export interface ItemSourceOptions<T> {
  /** Name for messages. */
  readonly name: string;
  readonly naming: ItemNaming;
  readonly codec: Codec<T>;
  readonly maxAttempts: number;
  /** The line of those who would like to have an item. */
  readonly line: string;
  readonly deadLetters: Store;
  /** The stores as they are now. */
  stores(signal: AbortSignal | undefined): Promise<readonly Store[]>;
}

/** What items come from: a queue, or several behind one face. */
export class ItemSource<T> {
  /** Path of the queue. */
  readonly path: string;
  protected readonly keeper: Keeper;
  readonly #options: ItemSourceOptions<T>;

  /** For the queues that have checked their arguments. */
  constructor(keeper: Keeper, path: string, options: ItemSourceOptions<T>) {
    this.path = path;
    this.keeper = keeper;
    this.#options = options;
  }

  /**
   * Hands out items, in order, each to one consumer of all. Nothing is claimed before it is asked for.
   *
   * When the loop is left, whether by `break` or by an error, an unsettled delivery goes back at once where `concurrency` is 1. With more than
   * one at a time others may still be worked on: they stay claimed until they are settled, or the session ends.
   *
   * @returns an iterator without end; it throws the signal's reason, and what `take` throws
   */
  consume(options: ConsumeOptions = {}): AsyncIterableIterator<Delivery<T>> {
    checkOptions(`consume of ${this.#options.name}`, schemas.consume, options);
    const { concurrency = 1, signal } = options;
    return new Deliveries(() => this.#consumer({ concurrency, prefetch: 0, wantsMore: true, signal }), concurrency);
  }

  /**
   * Waits for one item.
   *
   * @throws QueueTooLargeError if the names of all items do not fit into a frame; the signal's reason
   */
  async take(options: CallOptions = {}): Promise<Delivery<T>> {
    checkOptions(`take of ${this.#options.name}`, schemas.call, options);
    const consumer = await this.#consumer({ concurrency: 1, prefetch: 0, wantsMore: false, signal: options.signal });
    try {
      return (await consumer.next()) as Delivery<T>;
    } finally {
      await consumer.leave();
    }
  }

  /**
   * Works off the queue: an item whose handler returns is acknowledged, one whose handler throws is tried again later, the error's message
   * being the reason. A handler may settle its delivery itself.
   *
   * @returns when the signal has aborted, all handlers have ended and what they worked on is settled
   * @throws what `take` throws; what a settlement throws is a background error; RangeError for `prefetch` where `maxAttempts` is 1
   */
  async process(
    handler: (delivery: Delivery<T>) => Promise<unknown> | unknown,
    options: ProcessOptions = {},
  ): Promise<void> {
    checkFunction('handler', handler);
    checkOptions(`process of ${this.#options.name}`, schemas.process, options);
    const { concurrency = 1, prefetch = 0, signal, retryDelayMs = doubled } = options;
    if (prefetch > 0 && this.#options.maxAttempts < 2) {
      throw new RangeError(
        `Expected \`maxAttempts\` to be 2 or more where \`prefetch\` is used, got ${this.#options.maxAttempts}`,
      );
    }
    const consumer = await this.#consumer({ concurrency, prefetch, wantsMore: true, signal: undefined });
    const leave = (): void => void consumer.leave();
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted) leave();
    const settling: Promise<void>[] = [];
    const work = async (): Promise<void> => {
      for (let next = await consumer.next(); next !== null; next = await consumer.next()) {
        const delivery = next;
        settling.push(this.#settle(delivery, await outcomeOf(() => handler(delivery)), retryDelayMs));
        if (settling.length > prefetch) await settling.shift();
      }
    };
    try {
      await Promise.all(Array.from({ length: concurrency }, work));
    } finally {
      signal?.removeEventListener('abort', leave);
      await Promise.all(settling);
      await consumer.leave();
    }
  }

  /** Number of items, those that are being worked on included. Asks for no names, so it costs little. */
  async size(options: CallOptions = {}): Promise<number> {
    checkOptions(`size of ${this.#options.name}`, schemas.call, options);
    const { signal } = options;
    const stores = await this.#options.stores(signal);
    const stats = await Promise.all(stores.map(({ items }) => this.keeper.limited.exists().forPath(items, { signal })));
    return stats.reduce((sum, stat) => sum + (stat?.numChildren ?? 0), 0);
  }

  /**
   * Looks at the item that would be handed out next, and leaves it where it is.
   *
   * @returns `null` if there is none that can be handed out now
   * @throws QueueTooLargeError
   */
  async peek(options: CallOptions = {}): Promise<T | null> {
    checkOptions(`peek of ${this.#options.name}`, schemas.call, options);
    const { signal } = options;
    const { codec, naming } = this.#options;
    const stores = await this.#options.stores(signal);
    const backlog = new Backlog(stores, naming);
    await Promise.all(
      stores.map(async (store) => {
        const [items, claims] = await Promise.all([this.#list(store.items, signal), this.#list(store.claims, signal)]);
        for (const name of items) if (isItem(name)) backlog.add(store, name);
        for (const name of claims) backlog.claim(store, name);
      }),
    );
    for (const item of backlog.available(backlog.size, momentOf(systemClock)).items) {
      const data = await orNull(this.keeper.limited.getData().forPath(itemPath(item), { signal }));
      try {
        const [payload] = data === null ? [] : unframeItems(data);
        if (payload !== undefined) return await codec.decode(payload);
      } catch {
        // It would become a dead letter, and the next one be handed out.
      }
    }
    return null;
  }

  /** All dead letters, in the order of their names. */
  async deadLetters(options: CallOptions = {}): Promise<DeadLetter[]> {
    checkOptions(`deadLetters of ${this.#options.name}`, schemas.call, options);
    return await readDeadLetters(this.keeper.limited, this.#options.deadLetters, options.signal);
  }

  async #consumer(options: ConsumerOptions): Promise<Consumer<T>> {
    const { signal, prefetch } = options;
    signal?.throwIfAborted();
    const { keeper } = this;
    const stores = await this.#options.stores(signal);
    const job: Job<T> = { ...this.#options, keeper, stores, tellsRepeated: prefetch > 0 };
    return new Consumer(job, options);
  }

  /** Acknowledges it, or has it tried again, unless the handler has settled it, or it is lost and will be handed out again. */
  async #settle(delivery: Delivery<T>, outcome: Outcome, retryDelayMs: (attempts: number) => number): Promise<void> {
    if (delivery.state !== 'held' || isSettling(delivery)) return;
    try {
      if (outcome === 'done') await delivery.ack();
      else await delivery.retry({ delayMs: retryDelayMs(delivery.attempts), reason: messageOf(outcome.error) });
    } catch (error) {
      if (!this.keeper.closed) this.keeper.reportBackgroundError(error, 'settling a delivery', delivery.path);
    }
  }

  async #list(path: string, signal: AbortSignal | undefined): Promise<string[]> {
    try {
      return await namesIn(this.keeper.limited, path, { signal });
    } catch (error) {
      throw named(error, path);
    }
  }
}

/** What came of a handler. */
type Outcome = 'done' | { readonly error: unknown };

async function outcomeOf(handle: () => unknown): Promise<Outcome> {
  try {
    await handle();
    return 'done';
  } catch (error) {
    return { error };
  }
}

function isSettling(delivery: Delivery<unknown>): boolean {
  return (delivery as { readonly isSettling?: boolean }).isSettling === true;
}

function doubled(attempts: number): number {
  return Math.min(60_000, 1_000 * 2 ** (attempts - 1));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
