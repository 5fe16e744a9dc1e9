import { ClosedError, SessionExpiredError } from '@zk-recipes/core';
import {
  checkEnding,
  follow,
  persevere,
  sleep,
  systemClock,
  unfollow,
  waitForEnding,
} from '@zk-recipes/core/recipe-kit';
import type { ClaimedDelivery, SettlementVerb } from './delivery.js';
import type { Employer, Job, Wanted } from './job.js';
import { Shift } from './shift.js';

/** Longest wait in milliseconds of a caller that has given up, until its ticket is deleted. */
const GRACE_MS = 250;

/** Options of a consumer. */
export interface ConsumerOptions {
  /** Largest number of unsettled deliveries. */
  readonly concurrency: number;
  /** Number of further items that may be claimed before callers ask for them. */
  readonly prefetch: number;
  /** Whether a caller that settles a delivery wants another one. */
  readonly wantsMore: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Pending call that waits for a delivery. */
interface Request<T> {
  resolve(delivery: ClaimedDelivery<T> | null): void;
  reject(reason: unknown): void;
}

/** End of a consumer: `left` at its own request, or the error that all pending calls receive. */
type End = { readonly error: unknown } | 'left';

/**
 * Consumer that hands out items to its callers, from session to session. It claims only items that a caller has asked for, and items to
 * claim ahead. When a delivery is settled, the next claim is sent with the settlement, because the caller is about to ask for the next
 * item.
 */
export class Consumer<T> implements Employer<T> {
  readonly #job: Job<T>;
  readonly #options: ConsumerOptions;
  readonly #requests: Request<T>[] = [];
  /** Deliveries claimed ahead that no caller has asked for yet, in the order of their claims. */
  readonly #ready: ClaimedDelivery<T>[] = [];
  readonly #handed = new Set<ClaimedDelivery<T>>();
  /** Handed-out deliveries whose settlement is under way, so that another delivery is wanted. */
  readonly #settling = new Set<ClaimedDelivery<T>>();
  /** Deliveries without an owner that are settled in the background. */
  readonly #abandoned = new Set<ClaimedDelivery<T>>();
  readonly #ending = new AbortController();
  #expected = 0;
  #shift: Shift<T> | null = null;
  #running: Promise<void> | null = null;
  #ended: End | null = null;

  constructor(job: Job<T>, options: ConsumerOptions) {
    this.#job = job;
    this.#options = options;
  }

  get batch(): number {
    return Math.max(1, Math.ceil(this.#options.prefetch / 2));
  }

  /** Signal that aborts when nothing more is handed out. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Deliveries that were handed out and are not settled. */
  get handed(): readonly ClaimedDelivery<T>[] {
    return [...this.#handed];
  }

  /**
   * Waits for an item.
   *
   * @returns `null` after `stop`
   * @throws the signal's reason; QueueTooLargeError; a refusal by the server; ClosedError
   */
  next(): Promise<ClaimedDelivery<T> | null> {
    const { signal } = this.#options;
    if (signal?.aborted && this.#ended === null) this.#end({ error: signal.reason });
    if (this.#ended !== null) return this.#ended === 'left' ? Promise.resolve(null) : Promise.reject(this.#ended.error);
    this.#expected = Math.max(0, this.#expected - 1);
    const delivery = this.#takeReady();
    if (delivery !== null) return Promise.resolve(delivery);
    return new Promise((resolve, reject) => {
      this.#requests.push({ resolve, reject });
      this.#begin();
      this.#shift?.ring();
    });
  }

  /** Stops handing out items, and begins to leave. Deliveries that were handed out can still be settled. */
  stop(): void {
    this.#end('left');
  }

  /**
   * Stops, and waits until everything else is released: at most `timeoutMs` for the server, and not at all without a connection. Never
   * rejects. Unfinished work is a `backgroundError` with the operation `left behind`.
   *
   * @param settling the caller's own work on deliveries, for which the consumer also waits; never rejects
   */
  async leave(timeoutMs: number, settling: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.stop();
    const leaving = (): readonly string[] => this.#shift?.leaving ?? [];
    await waitForEnding(this.#job.keeper, leaving, this.#untilLeft(settling), timeoutMs);
  }

  /** Leaves like `leave`, for a caller that has given up or whose consumer has failed, and waits only briefly. */
  async leaveBriefly(): Promise<void> {
    this.stop();
    const left = this.leave(checkEnding());
    const cancel = new AbortController();
    const brief = sleep(GRACE_MS, cancel.signal).catch(() => {});
    await Promise.race([left, brief]).finally(() => cancel.abort());
  }

  async #untilLeft(settling: Promise<unknown>): Promise<void> {
    await settling;
    await this.#shift?.untilLeft();
    if (this.#handed.size + this.#abandoned.size === 0) await this.#running;
  }

  wanted(underWay: number): Wanted {
    const { concurrency, prefetch, wantsMore } = this.#options;
    if (this.#ended !== null) return { asked: 0, most: 0 };
    const coming = this.#ready.length + underWay;
    const free = concurrency - (this.#handed.size - this.#settling.size);
    const wishes = this.#requests.length + (wantsMore ? this.#settling.size + this.#expected : 0);
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

  onSettling(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    // After `retry` the same item may be the next one.
    if (verb !== 'retry' && this.#handed.has(delivery)) this.#settling.add(delivery);
  }

  onSettled(delivery: ClaimedDelivery<T>): void {
    this.#settling.delete(delivery);
    if (delivery.state === 'held') return;
    this.#abandoned.delete(delivery);
    if (!this.#handed.delete(delivery) || !this.#options.wantsMore) return;
    // The caller asks for the next item by the end of the current I/O phase, or not at all.
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
    const wasAbandoned = this.#abandoned.delete(delivery);
    return this.#handed.delete(delivery) || wasAbandoned;
  }

  onAbandoned(delivery: ClaimedDelivery<T>): void {
    this.#settling.delete(delivery);
    if (this.#handed.delete(delivery)) this.#abandoned.add(delivery);
  }

  fail(error: unknown): void {
    this.#end({ error });
  }

  #takeReady(): ClaimedDelivery<T> | null {
    for (let delivery = this.#ready.shift(); delivery !== undefined; delivery = this.#ready.shift()) {
      if (delivery.state !== 'held') continue;
      this.#handed.add(delivery);
      return delivery;
    }
    return null;
  }

  #begin(): void {
    if (this.#running !== null) return;
    follow(this.#options.signal, this.#onAbort);
    this.#running = this.#run().catch((error: unknown) => this.fail(error));
  }

  readonly #onAbort = (): void => this.#end({ error: this.#options.signal?.reason });

  #end(end: End): void {
    if (this.#ended !== null) return;
    this.#ended = end;
    unfollow(this.#options.signal, this.#onAbort);
    for (const { resolve, reject } of this.#requests.splice(0)) {
      if (end === 'left') resolve(null);
      else reject(end.error);
    }
    for (const delivery of this.#ready.splice(0)) void this.#shift?.return(delivery);
    this.#ending.abort();
    this.#shift?.end();
  }

  /** Runs one consumer session after the other. */
  async #run(): Promise<void> {
    const { keeper, line } = this.#job;
    const onFailure = (error: unknown): void => keeper.reportBackgroundError(error, 'consuming a queue', line);
    while (this.#ended === null) {
      if (keeper.closed) throw new ClosedError('keeper is closed');
      // After a silence, a reply proves that the session lives; in an expired session nothing is sent.
      const awake = async (): Promise<void> => {
        if (keeper.validForMs() <= 0) await keeper.sync().forPath(line, { signal: this.#ending.signal });
        if (keeper.validForMs() <= 0) throw new SessionExpiredError('the session may be over');
      };
      await persevere(keeper, awake, { signal: this.#ending.signal, onFailure }).catch((error: unknown) => {
        if (this.#ended === null) throw error;
      });
      if (this.#ended !== null) return;
      this.#shift = new Shift(this.#job, this);
      await this.#shift.run();
    }
  }
}
