import { HoldLostError, type HoldLostReason, type Keeper, NotHeldError, type Transaction } from '@zk-recipes/core';
import {
  checkEnding,
  checkOptions,
  epochValidForMs,
  LazySignal,
  systemClock,
  waitForEnding,
  z,
} from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, LEFT_ALONE_MS, leftAlone } from './attempt-record.js';
import { claimPath, itemPath } from './backlog.js';
import type { Claim } from './claims.js';
import { relinquish } from './giving-back.js';
import type { ItemLabel } from './item-name.js';
import type { Store } from './places.js';
import { ClaimGone, isRefusal, type Settlement } from './settlement.js';
import { untilPermitted } from './until-permitted.js';

/** How to have an item handed out again. */
export interface RetryOptions {
  /** Milliseconds, up to 2^40, before which it is not handed out, by this machine's clock. Default 0. */
  readonly delayMs?: number | undefined;
  /** Why: kept with the item, up to 1,000 characters. */
  readonly reason?: string | undefined;
}

const retrySchema = z.strictObject({
  delayMs: z
    .number()
    .min(0)
    .max(2 ** 40)
    .optional(),
  reason: z.string().optional(),
});

/**
 * An item that was handed out: nobody else has it as long as the session of its consumer lives. It is settled by `ack`, `retry` or `reject`,
 * once; a second call of the same does nothing. If it is not, it is handed out again when the session ends.
 */
export interface Delivery<T> extends AsyncDisposable {
  readonly value: T;
  /** Znode of the item. */
  readonly path: string;
  /** How often the item was handed out, this time included. A crash counts. */
  readonly attempts: number;
  /** What was said when it was last handed back, or `null`. */
  readonly lastReason: string | null;
  /** Of a priority queue; else 0. */
  readonly priority: number;
  /** Of an id queue, with `_` for each `/` and `|`; else `null`. */
  readonly id: string | null;
  /** Transaction by which it was claimed: of two deliveries of one item, the later has the larger. */
  readonly fencingToken: bigint;
  /** Aborts with a `HoldLostError` before the item can be handed to another, and when it is settled. Its `aborted` is computed when asked. */
  readonly signal: AbortSignal;
  /** Computed when asked. */
  readonly state: 'held' | 'lost' | 'settled';
  /** Milliseconds for which nobody else can have the item, whatever happens; 0 when it is settled or lost. Computed when asked. */
  validForMs(): number;
  /**
   * Begins a transaction that commits only while the claim stands: its first operation checks it.
   *
   * @throws NotHeldError if it is settled or lost
   */
  guard(): Transaction;
  /**
   * The work is done: removes the item.
   *
   * @throws HoldLostError if the item is not this delivery's any more, and may be handed to another: nothing was removed
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came
   * @throws NotHeldError if it was settled otherwise
   */
  ack(): Promise<void>;
  /**
   * The work is to be tried again: gives the item back, in its place, with its priority and id. If it was handed out `maxAttempts` times it
   * becomes a dead letter instead.
   *
   * @throws as `ack`
   */
  retry(options?: RetryOptions): Promise<void>;
  /**
   * The work will never succeed: the item becomes a dead letter.
   *
   * @param reason kept with it, up to 1,000 characters
   * @throws as `ack`
   */
  reject(reason?: string): Promise<void>;
  /**
   * Gives it back, to be handed out again at once, if it is not settled. Waits for the server for 2 seconds at most, and not at all
   * without a connection. Never rejects: what is left is a `backgroundError` with the operation `left behind`, and goes on in the background
   * until it is done or the session is over.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What deliveries of one session have in common. */
export interface DeliveryDesk {
  readonly keeper: Keeper;
  readonly settlement: Settlement;
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  /** Removes an item that is done, and claims another, if one is wanted, by the same transaction. */
  acknowledge(claim: Claim): Promise<void>;
  /** Looks for another, so that its claim leaves in the same write. */
  look(): void;
  /** Told when a delivery begins to be settled: there is room for another, unless it is itself the next one. */
  onSettling(delivery: Delivery<unknown>, verb: SettlementVerb): void;
  /** Told when that has ended: it is settled, or lost, or as before. */
  onSettled(delivery: Delivery<unknown>, verb: SettlementVerb): void;
  /** Told when the background goes on to settle a delivery that has no owner any more: its slot is free. */
  onAbandoned(delivery: Delivery<unknown>): void;
  /** Told when a delivery has seen by itself that its clock has run out: it stays lost, also if the clock was set back meanwhile. */
  onLapsed(delivery: Delivery<unknown>): void;
}

/** How a delivery is settled. */
export type SettlementVerb = 'ack' | 'retry' | 'reject';

/** A settlement that was refused. */
export interface Refused {
  readonly verb: SettlementVerb;
  /** How the item is given back instead, if it has to be. */
  readonly options: RetryOptions;
}

/** A delivery by a claim. */
export class ClaimedDelivery<T> implements Delivery<T> {
  readonly value: T;
  readonly path: string;
  readonly claim: Claim;
  readonly #label: ItemLabel;
  readonly #desk: DeliveryDesk;
  readonly #signal = new LazySignal(() => this.#look());
  #state: 'held' | 'lost' | 'settled' = 'held';
  #settling: { readonly verb: SettlementVerb; readonly promise: Promise<void> } | null = null;
  /** The last settlement, if the server has refused it: how the delivery is settled once its owner has left. */
  #refused: Refused | null = null;
  #isReported = false;

  constructor(desk: DeliveryDesk, claim: Claim, label: ItemLabel, value: T) {
    this.value = value;
    this.path = itemPath(claim.item);
    this.claim = claim;
    this.#label = label;
    this.#desk = desk;
  }

  get attempts(): number {
    return this.claim.record.attempts;
  }
  get lastReason(): string | null {
    return this.claim.record.reason;
  }
  get priority(): number {
    return this.#label.priority;
  }
  get id(): string | null {
    return this.#label.id;
  }
  get fencingToken(): bigint {
    return this.claim.czxid;
  }
  get signal(): AbortSignal {
    this.#look();
    return this.#signal.signal;
  }
  get state(): 'held' | 'lost' | 'settled' {
    this.#look();
    return this.#state;
  }
  /** Whether somebody has begun to settle it. */
  get isSettling(): boolean {
    return this.#settling !== null;
  }
  /** How somebody has begun to settle it; `null` if nobody has, or that was refused. */
  get settlingVerb(): SettlementVerb | null {
    return this.#settling?.verb ?? null;
  }

  /** How the server has refused to settle it last; `null` if a settlement is under way, or none was refused. */
  get refused(): Refused | null {
    return this.#settling === null ? this.#refused : null;
  }

  validForMs(): number {
    return this.state === 'held' ? epochValidForMs(this.#desk.keeper, this.claim.epoch) : 0;
  }

  guard(): Transaction {
    if (this.state !== 'held') throw new NotHeldError(this.path, { cause: this.#signal.signal.reason });
    return this.#desk.keeper.limited.transaction().check(claimPath(this.claim.item));
  }

  ack(): Promise<void> {
    return this.#settle({ verb: 'ack', options: {} }, () => this.#desk.acknowledge(this.claim));
  }

  async retry(options: RetryOptions = {}): Promise<void> {
    checkOptions('retry of a Delivery', retrySchema, options);
    const change = this.#changeFor(options);
    await this.#settle({ verb: 'retry', options }, () =>
      this.#isLastAttempt ? this.#buryAtLast(options) : this.#desk.settlement.giveBack(this.claim, change),
    );
  }

  async reject(reason = 'rejected'): Promise<void> {
    if (typeof reason !== 'string') throw new TypeError(`Expected \`reason\` to be a string, got ${typeof reason}`);
    const options = { delayMs: LEFT_ALONE_MS, reason };
    await this.#settle({ verb: 'reject', options }, () => this.#bury(reason));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.giveBack(checkEnding());
  }

  /** The same with another limit in milliseconds. */
  async giveBack(timeoutMs: number): Promise<void> {
    if (this.state !== 'held') return;
    // If its session has ended meanwhile, the item has gone back by that.
    const givingBack = this.settle('retry', this.#refused?.options ?? {}).catch(() => {});
    await waitForEnding(this.#desk.keeper, claimPath(this.claim.item), givingBack, timeoutMs);
  }

  /**
   * Settles it on behalf of a caller that has left: waits for a settlement that is under way, and settles it by `verb` if it is still held
   * then. What cannot be put aside is given back, and left alone for a minute. If nothing of that is permitted, that is told as `left behind`, the
   * delivery frees its slot, and the background goes on until it is settled or lost.
   *
   * @returns resolves when it is settled, or the server has refused it for the first time
   * @throws what the verb throws when the delivery was lost meanwhile
   */
  async settle(verb: 'ack' | 'retry', options: RetryOptions): Promise<void> {
    // Of its failure the caller that has begun it hears.
    if (this.#settling !== null) await this.#settling.promise.catch(() => {});
    await untilPermitted(
      this.#desk.keeper,
      claimPath(this.claim.item),
      () => this.signal,
      async () => {
        if (this.state === 'held') await (verb === 'ack' ? this.ack() : this.#comeBack(options));
      },
      () => this.#desk.onAbandoned(this),
    );
  }

  /** Settles it as its owner wanted to, who has heard of a refusal and left. */
  async abandon({ verb, options }: Refused): Promise<void> {
    await this.settle(verb === 'ack' ? 'ack' : 'retry', options).catch(() => {});
  }

  /** The same as `retry`, by whatever transaction is permitted. */
  async #comeBack(options: RetryOptions): Promise<void> {
    const { keeper, settlement } = this.#desk;
    await this.#settle({ verb: 'retry', options }, async () => {
      let change = this.#changeFor(options);
      try {
        if (this.#isLastAttempt) return await this.#buryAtLast(options);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (!this.#isReported) keeper.reportBackgroundError(error, 'putting an item aside', this.path);
        this.#isReported = true;
        change = { ...change, ...leftAlone(systemClock.wallNow()) };
      }
      await relinquish(settlement, this.claim, change);
    });
  }

  get #isLastAttempt(): boolean {
    return this.attempts >= this.#desk.maxAttempts;
  }

  /** What the record says of an item that is given back. */
  #changeFor({ delayMs = 0, reason }: RetryOptions): Partial<AttemptRecord> {
    const notBeforeMs = delayMs === 0 ? 0 : systemClock.wallNow() + delayMs;
    return { notBeforeMs, delayMs, reason: reason ?? this.lastReason };
  }

  #buryAtLast({ reason }: RetryOptions): Promise<void> {
    return this.#bury(`gave up after ${this.attempts} attempts${reason === undefined ? '' : `: ${reason}`}`);
  }

  /** The claim is gone, or may be. Nothing happens if it is settled. */
  lose(reason: HoldLostReason): void {
    this.#end('lost', reason);
  }

  #look(): void {
    const { keeper } = this.#desk;
    if (this.#state !== 'held' || epochValidForMs(keeper, this.claim.epoch) > 0) return;
    this.lose('validity');
    // Whoever looks is in the middle of something.
    queueMicrotask(() => this.#desk.onLapsed(this));
  }

  #bury(reason: string): Promise<void> {
    return this.#desk.settlement.bury(this.claim, this.#desk.deadLetters, reason);
  }

  #settle(wish: Refused, work: () => Promise<void>): Promise<void> {
    const { verb } = wish;
    if (this.#settling !== null) {
      if (this.#settling.verb === verb) return this.#settling.promise;
      return Promise.reject(new NotHeldError(this.path, { cause: new Error(`${this.#settling.verb}() was called`) }));
    }
    if (this.state === 'lost') return Promise.reject(this.#signal.signal.reason);
    this.#desk.onSettling(this, verb);
    const promise = this.#perform(wish, work);
    this.#settling = { verb, promise };
    this.#desk.look();
    return promise;
  }

  async #perform(wish: Refused, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#end('settled', 'released');
    } catch (error) {
      if (error instanceof ClaimGone) {
        this.lose('deleted');
        throw this.#signal.signal.reason;
      }
      // Refused, by an access control list for instance: it is still to be settled.
      this.#settling = null;
      this.#refused = wish;
      throw error;
    } finally {
      this.#desk.onSettled(this, wish.verb);
    }
  }

  #end(state: 'lost' | 'settled', reason: HoldLostReason): void {
    if (this.#state !== 'held') return;
    this.#state = state;
    this.#signal.abort(() => new HoldLostError(this.path, reason));
  }
}
