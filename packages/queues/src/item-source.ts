import type { Keeper } from '@zk-recipes/core';
import {
  checkEnding,
  checkFunction,
  checkOptions,
  momentOf,
  namesIn,
  orNull,
  refuseSelfWait,
  systemClock,
} from '@zk-recipes/core/recipe-kit';
import { Backlog, itemPath } from './backlog.js';
import type { Codec } from './codec.js';
import { Consumer, type ConsumerOptions } from './consumer.js';
import { type DeadLetter, readDeadLetters } from './dead-letters.js';
import { decode } from './decoding.js';
import { Deliveries } from './deliveries.js';
import type { Delivery } from './delivery.js';
import { type FailedEvent, Failures, type QueueEvents } from './failures.js';
import { unframeItems } from './item-framing.js';
import { type ItemNaming, isItem } from './item-name.js';
import type { Job } from './job.js';
import { type CallOptions, type ConsumeOptions, type ProcessOptions, schemas } from './options.js';
import type { Store } from './places.js';
import { Processing } from './processing.js';
import { named } from './queue-view.js';

/** Where items are, and how they are to be understood. */
export interface ItemSourceOptions<T> {
  /** Name for messages. */
  readonly name: string;
  readonly naming: ItemNaming;
  readonly codec: Codec<T>;
  /** How long a payload may take to be decoded, in milliseconds. */
  readonly decodeTimeoutMs: number;
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
  readonly #failures: Failures<T>;

  /** For the queues that have checked their arguments. */
  constructor(keeper: Keeper, path: string, options: ItemSourceOptions<T>) {
    this.path = path;
    this.keeper = keeper;
    this.#options = options;
    this.#failures = new Failures(keeper, path);
  }

  /**
   * Adds a listener. What it throws harms nothing and is a `backgroundError` of the `Keeper`.
   *
   * @param event `failed`: a handler of `process`, of this object, threw
   * @throws TypeError for an unknown event, or what is no function
   */
  on<Name extends keyof QueueEvents<T>>(event: Name, listener: (value: QueueEvents<T>[Name]) => void): this {
    this.#failures.on(event, listener);
    return this;
  }

  /** Removes a listener. */
  off<Name extends keyof QueueEvents<T>>(event: Name, listener: (value: QueueEvents<T>[Name]) => void): this {
    this.#failures.off(event, listener);
    return this;
  }

  /**
   * Hands out items, in order, each to one consumer of all. Nothing is claimed before it is asked for.
   *
   * When the loop is left, whether by `break` or by an error, an unsettled delivery goes back at once where `concurrency` is 1. With more than
   * one at a time others may still be worked on: they stay claimed until they are settled, or the session ends. Without a connection
   * nothing is waited for then; what is left is a `backgroundError` with the operation `left behind`.
   *
   * @returns an iterator without end; it throws the signal's reason, and what `take` throws
   */
  consume(options: ConsumeOptions = {}): AsyncIterableIterator<Delivery<T>> {
    checkOptions(`consume of ${this.#options.name}`, schemas.consume, options);
    const { concurrency = 1, signal, timeoutMs } = options;
    const consumerOptions = { concurrency, prefetch: 0, wantsMore: true, signal };
    const begin = (beginSignal: AbortSignal | undefined): Promise<Consumer<T>> =>
      this.#consumer(consumerOptions, beginSignal, true);
    return new Deliveries(begin, { concurrency, signal, timeoutMs: checkEnding({ timeoutMs }) });
  }

  /**
   * Waits for one item.
   *
   * @throws QueueTooLargeError if the names of all items do not fit into a frame; the signal's reason, after the line was left: that
   *   takes 2 seconds at most, and is not waited for without a connection; ClosedError
   */
  async take(options: CallOptions = {}): Promise<Delivery<T>> {
    checkOptions(`take of ${this.#options.name}`, schemas.call, options);
    const { signal } = options;
    const consumer = await this.#consumer({ concurrency: 1, prefetch: 0, wantsMore: false, signal }, signal, true);
    try {
      const delivery = await consumer.next();
      consumer.stop();
      return delivery as Delivery<T>;
    } catch (error) {
      await consumer.leaveBriefly();
      throw error;
    }
  }

  /**
   * Works off the queue: an item whose handler returns is acknowledged, one whose handler throws is tried again later, the error's message
   * being the reason. A handler may settle its delivery itself.
   *
   * When the signal aborts, handlers that have begun are waited for, however long they take: a claim protects each until it has ended. After
   * that `timeoutMs` bounds the work with the server, and without a connection nothing is waited for. What is left is a `backgroundError` with
   * the operation `left behind`, and goes on in the background as long as the session may live.
   *
   * @returns when the signal has aborted, all handlers have ended and what they worked on is settled
   * @throws what `take` throws, when all handlers have ended; what a settlement throws is a background error; RangeError for `prefetch`
   *   where `maxAttempts` is 1; SelfWaitError if a handler awaits it, since it waits for the handler: abort the signal, and return
   */
  process(handler: (delivery: Delivery<T>) => Promise<unknown> | unknown, options: ProcessOptions = {}): Promise<void> {
    const owner = {};
    return refuseSelfWait(owner, `process() of ${this.#options.name}`, this.#process(owner, handler, options));
  }

  async #process(
    owner: object,
    handler: (delivery: Delivery<T>) => Promise<unknown> | unknown,
    options: ProcessOptions,
  ): Promise<void> {
    checkFunction('handler', handler);
    checkOptions(`process of ${this.#options.name}`, schemas.process, options);
    const { concurrency = 1, prefetch = 0, signal } = options;
    if (prefetch > 0 && this.#options.maxAttempts < 2) {
      throw new RangeError(
        `Expected \`maxAttempts\` to be 2 or more where \`prefetch\` is used, got ${this.#options.maxAttempts}`,
      );
    }
    if (signal?.aborted) return;
    const consumerOptions = { concurrency, prefetch, wantsMore: true, signal: undefined };
    const consumer = await this.#consumer(consumerOptions, signal, false).catch((error: unknown) => {
      // The end came before the beginning.
      if (signal?.aborted) return null;
      throw error;
    });
    if (consumer === null) return;
    const onFailed = (event: FailedEvent<T>): void => this.#failures.tell(event);
    await new Processing(owner, this.keeper, consumer, { ...options, handler, onFailed }).untilEnded();
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
    const { codec, decodeTimeoutMs, naming } = this.#options;
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
        if (payload === undefined) continue;
        const decoded = await decode(codec, payload, { timeoutMs: decodeTimeoutMs, signal });
        signal?.throwIfAborted();
        if (decoded.kind === 'decoded') return decoded.value;
      } catch (error) {
        // What is not framed as an item would become a dead letter, as what cannot be decoded would, and the next one be handed out.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return null;
  }

  /** All dead letters, in the order of their names. */
  async deadLetters(options: CallOptions = {}): Promise<DeadLetter<T>[]> {
    checkOptions(`deadLetters of ${this.#options.name}`, schemas.call, options);
    return await readDeadLetters(this.keeper.limited, this.#options.deadLetters, this.#options, options.signal);
  }

  /**
   * @param signal heeded until the consumer is made; that of the options is heeded by the consumer itself
   * @param endsOnRefusal whether a refusal of the server ends it
   */
  async #consumer(
    options: ConsumerOptions,
    signal: AbortSignal | undefined,
    endsOnRefusal: boolean,
  ): Promise<Consumer<T>> {
    signal?.throwIfAborted();
    const { keeper } = this;
    const stores = await this.#options.stores(signal);
    const job: Job<T> = { ...this.#options, keeper, stores, endsOnRefusal, tellsRepeated: options.prefetch > 0 };
    return new Consumer(job, options);
  }

  async #list(path: string, signal: AbortSignal | undefined): Promise<string[]> {
    try {
      return await namesIn(this.keeper.limited, path, { signal });
    } catch (error) {
      throw named(error, path);
    }
  }
}
