import { ClosedError, SessionExpiredError } from '@zk-recipes/core';
import { persevere, systemClock } from '@zk-recipes/core/recipe-kit';
import type { ClaimedDelivery, Delivery, SettlementVerb } from './delivery.js';
import type { Employer, Job, Wanted } from './job.js';
import { Shift } from './shift.js';

/** How to consume. */
export interface ConsumerOptions {
  /** How many deliveries may be unsettled at once. */
  readonly concurrency: number;
  /** How many items more may be claimed, before anybody asks for them. */
  readonly prefetch: number;
  /** Whether who settles a delivery wants another one. */
  readonly wantsMore: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Somebody who waits for a delivery. */
interface Request<T> {
  resolve(delivery: Delivery<T> | null): void;
  reject(reason: unknown): void;
}

/** How it ended: by its own will, or by what everybody who asks is told. */
type End = { readonly error: unknown } | 'left';

/**
 * Hands out items to who asks for them, from session to session. Nothing is claimed that nobody has asked for, but for what is to be claimed
 * ahead; and when a delivery is settled the next claim leaves with it, since who goes from item to item is about to ask.
 */
export class Consumer<T> implements Employer<T> {
  readonly #job: Job<T>;
  readonly #options: ConsumerOptions;
  readonly #requests: Request<T>[] = [];
  /** Claimed for who has not asked yet, in the order in which they were. */
  readonly #ready: ClaimedDelivery<T>[] = [];
  readonly #handed = new Set<ClaimedDelivery<T>>();
  readonly #ending = new AbortController();
  #settling = 0;
  #expected = 0;
  #shift: Shift<T> | null = null;
  #running: Promise<void> | null = null;
  #end: End | null = null;

  constructor(job: Job<T>, options: ConsumerOptions) {
    this.#job = job;
    this.#options = options;
  }

  get batch(): number {
    return Math.max(1, Math.ceil(this.#options.prefetch / 2));
  }

  /** Deliveries that were handed out and are not settled. */
  get handed(): readonly Delivery<T>[] {
    return [...this.#handed];
  }

  /**
   * Waits for an item.
   *
   * @returns `null` after `leave`
   * @throws the signal's reason; QueueTooLargeError; what the server refuses; ClosedError
   */
  next(): Promise<Delivery<T> | null> {
    const { signal } = this.#options;
    if (signal?.aborted && this.#end === null) this.#stop({ error: signal.reason });
    if (this.#end !== null) return this.#end === 'left' ? Promise.resolve(null) : Promise.reject(this.#end.error);
    this.#expected = Math.max(0, this.#expected - 1);
    const delivery = this.#takeReady();
    if (delivery !== null) return Promise.resolve(delivery);
    return new Promise((resolve, reject) => {
      this.#requests.push({ resolve, reject });
      this.#begin();
      this.#shift?.ring();
    });
  }

  /** Ends it. What was handed out can still be settled; resolves when all else is as it was before. */
  async leave(): Promise<void> {
    this.#stop('left');
    if (this.#handed.size === 0) await this.#running;
  }

  wanted(underWay: number): Wanted {
    const { concurrency, prefetch, wantsMore } = this.#options;
    if (this.#end !== null) return { asked: 0, most: 0 };
    const coming = this.#ready.length + underWay;
    const free = concurrency - (this.#handed.size - this.#settling);
    const wishes = this.#requests.length + (wantsMore ? this.#settling + this.#expected : 0);
    const asked = Math.max(0, Math.min(free, wishes) - coming);
    return { asked, most: prefetch === 0 ? asked : Math.max(asked, free + prefetch - coming) };
  }

  deliver(delivery: ClaimedDelivery<T>): void {
    const request = this.#requests.shift();
    if (request === undefined) {
      this.#ready.push(delivery);
      return;
    }
    this.#handed.add(delivery);
    request.resolve(delivery);
  }

  onSettling(verb: SettlementVerb): void {
    // What is given back may be the next one itself.
    if (verb !== 'retry') this.#settling += 1;
  }

  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    if (verb !== 'retry') this.#settling -= 1;
    if (delivery.state === 'held') return;
    this.#handed.delete(delivery);
    if (!this.#options.wantsMore) return;
    // It is about to be asked for another, or never.
    this.#expected += 1;
    systemClock.afterIo(() => {
      if (this.#expected === 0) return;
      this.#expected -= 1;
      this.#shift?.ring();
    });
  }

  onLost(delivery: ClaimedDelivery<T>): boolean {
    const index = this.#ready.indexOf(delivery);
    if (index >= 0) this.#ready.splice(index, 1);
    return this.#handed.delete(delivery);
  }

  fail(error: unknown): void {
    this.#stop({ error });
  }

  #takeReady(): Delivery<T> | null {
    for (let delivery = this.#ready.shift(); delivery !== undefined; delivery = this.#ready.shift()) {
      if (delivery.state !== 'held') continue;
      this.#handed.add(delivery);
      return delivery;
    }
    return null;
  }

  #begin(): void {
    if (this.#running !== null) return;
    this.#options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#running = this.#run().catch((error: unknown) => this.fail(error));
  }

  readonly #onAbort = (): void => this.#stop({ error: this.#options.signal?.reason });

  #stop(end: End): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    for (const { resolve, reject } of this.#requests.splice(0)) {
      if (end === 'left') resolve(null);
      else reject(end.error);
    }
    for (const delivery of this.#ready.splice(0)) void this.#shift?.return(delivery);
    this.#ending.abort();
    void this.#shift?.end();
  }

  /** One shift a session. */
  async #run(): Promise<void> {
    const { keeper, line } = this.#job;
    const onFailure = (error: unknown): void => keeper.reportBackgroundError(error, 'consuming a queue', line);
    while (this.#end === null) {
      if (keeper.closed) throw new ClosedError('keeper is closed');
      // After a silence an answer tells that the session lives, and nothing is sent in one that does not.
      const awake = async (): Promise<void> => {
        if (keeper.validForMs() <= 0) await keeper.sync().forPath(line, { signal: this.#ending.signal });
        if (keeper.validForMs() <= 0) throw new SessionExpiredError('the session may be over');
      };
      await persevere(keeper, awake, { signal: this.#ending.signal, onFailure }).catch((error: unknown) => {
        if (this.#end === null) throw error;
      });
      if (this.#end !== null) return;
      this.#shift = new Shift(this.#job, this);
      await this.#shift.run();
    }
  }
}

/** A consumer as an iterator over its deliveries. It is begun when the first one is asked for. */
export class Deliveries<T> implements AsyncIterableIterator<Delivery<T>> {
  readonly #begin: () => Promise<Consumer<T>>;
  readonly #concurrency: number;
  #consumer: Promise<Consumer<T>> | null = null;
  #isLeft = false;

  constructor(begin: () => Promise<Consumer<T>>, concurrency: number) {
    this.#begin = begin;
    this.#concurrency = concurrency;
  }

  async next(): Promise<IteratorResult<Delivery<T>, undefined>> {
    if (this.#isLeft) return { done: true, value: undefined };
    this.#consumer ??= this.#begin();
    const value = await (await this.#consumer).next();
    return value === null ? { done: true, value: undefined } : { done: false, value };
  }

  /** The loop was left. Where there is but one delivery at a time, nobody works on that any more: it goes back. */
  async return(): Promise<IteratorResult<Delivery<T>, undefined>> {
    this.#isLeft = true;
    const consumer = await this.#consumer?.catch(() => null);
    if (consumer != null) {
      void consumer.leave();
      const unsettled = this.#concurrency === 1 ? consumer.handed : [];
      const givingBack = unsettled.map((delivery) => delivery[Symbol.asyncDispose]());
      // What cannot be given back goes back with its session: who leaves has nothing to do with it any more.
      await Promise.allSettled(givingBack);
      await consumer.leave();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
