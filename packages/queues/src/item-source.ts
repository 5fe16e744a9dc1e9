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

/** Options of an item source: paths, naming and decoding of its items. */
export interface ItemSourceOptions<T> {
  /** Name of the class, for messages. */
  readonly name: string;
  readonly naming: ItemNaming;
  readonly codec: Codec<T>;
  /** Longest time in milliseconds for decoding a payload. */
  readonly decodeTimeoutMs: number;
  readonly maxAttempts: number;
  /** Path of the line of idle consumers. */
  readonly line: string;
  readonly deadLetters: Store;
  /** Returns the current stores. */
  stores(signal: AbortSignal | undefined): Promise<readonly Store[]>;
}

/** Source of items: one queue, or several queues that look like one. */
export class ItemSource<T> {
  /** Path of the queue. */
  readonly path: string;
  protected readonly keeper: Keeper;
  readonly #options: ItemSourceOptions<T>;
  readonly #failures: Failures<T>;

  /** Creates a source for a queue that has already checked its arguments. */
  constructor(keeper: Keeper, path: string, options: ItemSourceOptions<T>) {
    this.path = path;
    this.keeper = keeper;
    this.#options = options;
    this.#failures = new Failures(keeper, path);
  }

  /**
   * Adds a listener. An error that the listener throws has no effect except a `backgroundError` event of the `Keeper`.
   *
   * @param event `failed`: a handler of this object's `process` threw
   * @throws TypeError for an unknown event, or a listener that is not a function
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
   * Hands out items in order, each item to a single consumer. The consumer claims an item only when the caller asks for one.
   *
   * When the caller leaves the loop by `break` or by an error, and `concurrency` is 1, the consumer releases an unsettled delivery at once.
   * With a higher `concurrency`, other deliveries may still be worked on: they stay claimed until they are settled or the session ends.
   * Without a connection the caller does not wait for the release. Unfinished work is a `backgroundError` with the operation `left behind`.
   *
   * @returns an iterator without end; it throws the signal's reason, and the errors of `take`
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
   * Waits for an item.
   *
   * @throws QueueTooLargeError if the names of all items do not fit into a frame; ClosedError; the signal's reason after the consumer has
   *   left the line: leaving takes at most 2 seconds, and the caller does not wait for it without a connection
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
   * Runs a handler for each item. The queue acknowledges an item when its handler returns. If the handler throws, the item is retried
   * later, and the error's message is the reason. A handler may settle its delivery itself.
   *
   * When the signal aborts, `process` waits for the running handlers, however long they take: a claim protects each item until its handler
   * has ended. After that, `timeoutMs` limits the work with the server, and without a connection `process` does not wait. Unfinished work
   * is a `backgroundError` with the operation `left behind`, and goes on in the background while the session may live.
   *
   * @returns when the signal has aborted, all handlers have ended and their items are settled
   * @throws the errors of `take`, when all handlers have ended; errors of a settlement are background errors; RangeError for `prefetch` if
   *   `maxAttempts` is 1; SelfWaitError if a handler awaits this promise, which waits for the handler: abort the signal and return instead
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
      // The signal may abort before the consumer exists; then `process` resolves.
      if (signal?.aborted) return null;
      throw error;
    });
    if (consumer === null) return;
    const onFailed = (event: FailedEvent<T>): void => this.#failures.tell(event);
    await new Processing(owner, this.keeper, consumer, { ...options, handler, onFailed }).untilEnded();
  }

  /** Returns the number of items, including items in flight. The request transfers no names, so it costs little. */
  async size(options: CallOptions = {}): Promise<number> {
    checkOptions(`size of ${this.#options.name}`, schemas.call, options);
    const { signal } = options;
    const stores = await this.#options.stores(signal);
    const stats = await Promise.all(stores.map(({ items }) => this.keeper.limited.exists().forPath(items, { signal })));
    return stats.reduce((sum, stat) => sum + (stat?.numChildren ?? 0), 0);
  }

  /**
   * Reads the item that would be handed out next, and leaves it in the queue.
   *
   * @returns `null` if no item can be handed out now
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
        // A consumer would make this item a dead letter and hand out the next one, as it does with an item that cannot be decoded.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return null;
  }

  /** Reads all dead letters, in the order of their names. */
  async deadLetters(options: CallOptions = {}): Promise<DeadLetter<T>[]> {
    checkOptions(`deadLetters of ${this.#options.name}`, schemas.call, options);
    return await readDeadLetters(this.keeper.limited, this.#options.deadLetters, this.#options, options.signal);
  }

  /**
   * @param signal effective until the consumer is made; the consumer itself observes the signal of the options
   * @param endsOnRefusal whether a refusal by the server ends the consumer
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
