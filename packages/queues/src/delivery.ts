import { HoldLostError, type HoldLostReason, type Keeper, NotHeldError, type Transaction } from '@zk-recipes/core';
import {
  checkEnding,
  checkOptions,
  epochValidForMs,
  LazySignal,
  received,
  systemClock,
  waitForEnding,
} from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { type AttemptRecord, LEFT_ALONE_MS, leftAlone } from './attempt-record.js';
import { claimPath, itemPath } from './backlog.js';
import type { Claim } from './claims.js';
import { relinquish } from './giving-back.js';
import type { ItemLabel } from './item-name.js';
import type { Store } from './places.js';
import { ClaimGone, isRefusal, type Settlement } from './settlement.js';
import { untilPermitted } from './until-permitted.js';

/** Options of `retry`. */
export interface RetryOptions {
  /** Milliseconds until the item may be handed out again, by this machine's clock. Default 0; at most 2^40. */
  readonly delayMs?: number | undefined;
  /** Reason of the retry, stored with the item; up to 1,000 characters. */
  readonly reason?: string | undefined;
}

const retrySchema = z.strictObject({
  delayMs: z.optional(z.number().check(z.minimum(0), z.maximum(2 ** 40))),
  reason: z.optional(z.string()),
});

/**
 * Item that was handed to a handler or caller. No other consumer has the item while the session of its consumer lives. The caller settles a
 * delivery once, by `ack`, `retry` or `reject`; a second call of the same method does nothing. When the session ends, an unsettled item is
 * handed out again.
 */
export interface Delivery<T> extends AsyncDisposable {
  readonly value: T;
  /** Path of the item's znode. */
  readonly path: string;
  /** Number of times that the item was handed out, including this time. An attempt that ended in a crash counts. */
  readonly attempts: number;
  /** Reason given at the last release of the item, or `null`. */
  readonly lastReason: string | null;
  /** Priority of an item of a priority queue; 0 for other queues. */
  readonly priority: number;
  /** Id of an item of an id queue, with `_` for each `/` and `|`; `null` for other queues. */
  readonly id: string | null;
  /** Zxid of the transaction that claimed the item. Of two deliveries of an item, the later delivery has the larger token. */
  readonly fencingToken: bigint;
  /**
   * Signal that aborts with a `HoldLostError` before another consumer can get the item, and when the item is settled. Each access to
   * `aborted` checks the clock.
   */
  readonly signal: AbortSignal;
  /** State of the delivery, computed on each access. */
  readonly state: 'held' | 'lost' | 'settled';
  /** Returns the milliseconds for which no other consumer can get the item; 0 when it is settled or lost. Computed on each call. */
  validForMs(): number;
  /**
   * Begins a transaction that commits only while the claim exists: its first operation checks the claim.
   *
   * @throws NotHeldError if the delivery is settled or lost
   */
  guard(): Transaction;
  /**
   * Acknowledges that the work is done: removes the item.
   *
   * @throws HoldLostError if this delivery has lost the item, which may be handed to another consumer: nothing was removed
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came
   * @throws NotHeldError if the delivery was settled in another way
   */
  ack(): Promise<void>;
  /**
   * Releases the item, so that the work is tried again. The item keeps its place, priority and id. After `maxAttempts` attempts it becomes
   * a dead letter instead.
   *
   * @throws as `ack`
   */
  retry(options?: RetryOptions): Promise<void>;
  /**
   * Makes the item a dead letter, because its work will never succeed.
   *
   * @param reason stored with the dead letter, up to 1,000 characters
   * @throws as `ack`
   */
  reject(reason?: string): Promise<void>;
  /**
   * Releases an unsettled item, so that it can be handed out again at once. Waits at most 2 seconds for the server, and does not wait
   * without a connection. Never rejects. Unfinished work is a `backgroundError` with the operation `left behind`, and goes on in the
   * background until it is done or the session is over.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Shared context of the deliveries of one session. */
export interface DeliveryDesk {
  readonly keeper: Keeper;
  readonly settlement: Settlement;
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  /** Removes an item that is done. If the consumer wants another item, the same transaction claims it. */
  acknowledge(claim: Claim): Promise<void>;
  /** Looks for another item, so that its claim is sent in the same write. */
  look(): void;
  /** Called when a settlement begins: the consumer has capacity for another item, unless the delivery is itself the next one. */
  onSettling(delivery: Delivery<unknown>, verb: SettlementVerb): void;
  /** Called when a settlement has ended: the delivery is settled, lost, or unchanged. */
  onSettled(delivery: Delivery<unknown>, verb: SettlementVerb): void;
  /** Called when a delivery without an owner is settled in the background: its slot is free. */
  onAbandoned(delivery: Delivery<unknown>): void;
  /** Called when a delivery has found that its clock has run out. The delivery stays lost, also if the clock was set back meanwhile. */
  onLapsed(delivery: Delivery<unknown>): void;
}

/** Name of the method that settles a delivery. */
export type SettlementVerb = 'ack' | 'retry' | 'reject';

/** Settlement that the server refused. */
export interface Refused {
  readonly verb: SettlementVerb;
  /** Options for releasing the item instead, if that becomes necessary. */
  readonly options: RetryOptions;
}

/** Delivery of an item that a claim protects. */
export class ClaimedDelivery<T> implements Delivery<T> {
  readonly value: T;
  readonly path: string;
  readonly claim: Claim;
  readonly #label: ItemLabel;
  readonly #desk: DeliveryDesk;
  readonly #signal = new LazySignal(() => this.#look());
  #state: 'held' | 'lost' | 'settled' = 'held';
  #settling: { readonly verb: SettlementVerb; readonly promise: Promise<void> } | null = null;
  /** Last settlement, if the server refused it. The delivery is settled in that way once its owner has left. */
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
  /** Whether a settlement has begun. */
  get isSettling(): boolean {
    return this.#settling !== null;
  }
  /** Verb of the settlement that has begun; `null` if none has, or the server refused it. */
  get settlingVerb(): SettlementVerb | null {
    return this.#settling?.verb ?? null;
  }

  /** Last settlement that the server refused; `null` if a settlement is under way, or none was refused. */
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

  /** Returns the delivery as an object for loggers. */
  toJSON(): Record<string, unknown> {
    const { value, path, attempts, lastReason, priority, id, fencingToken, state } = this;
    return { value, path, attempts, lastReason, priority, id, fencingToken: String(fencingToken), state };
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
    if (typeof reason !== 'string') throw new TypeError(`Expected \`reason\` to be a string, got ${received(reason)}`);
    const options = { delayMs: LEFT_ALONE_MS, reason };
    await this.#settle({ verb: 'reject', options }, () => this.#bury(reason));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.giveBack(checkEnding());
  }

  /** Releases the item as `Symbol.asyncDispose` does, with another limit in milliseconds. */
  async giveBack(timeoutMs: number): Promise<void> {
    if (this.state !== 'held') return;
    // If the session has ended meanwhile, its end has released the item.
    const givingBack = this.settle('retry', this.#refused?.options ?? {}).catch(() => {});
    await waitForEnding(this.#desk.keeper, claimPath(this.claim.item), givingBack, timeoutMs);
  }

  /**
   * Settles the delivery on behalf of a caller that has left. Waits for a settlement that is under way, and then settles a delivery that is
   * still held, by `verb`. An item that cannot become a dead letter is released, and not handed out for a minute. If the server permits
   * none of this, the delivery reports `left behind` and frees its slot. The background then goes on until the item is settled or lost.
   *
   * @returns resolves when the delivery is settled, or the server has refused it for the first time
   * @throws the verb's error when the delivery was lost meanwhile
   */
  async settle(verb: 'ack' | 'retry', options: RetryOptions): Promise<void> {
    // The caller that began the settlement receives its error.
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

  /** Settles the delivery as its owner wanted. The owner has received a refusal and has left. */
  async abandon({ verb, options }: Refused): Promise<void> {
    await this.settle(verb === 'ack' ? 'ack' : 'retry', options).catch(() => {});
  }

  /** Does the same as `retry`, with the first transaction that the server permits. */
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

  /** Returns the changes that a release makes to the attempt record. */
  #changeFor({ delayMs = 0, reason }: RetryOptions): Partial<AttemptRecord> {
    const notBeforeMs = delayMs === 0 ? 0 : systemClock.wallNow() + delayMs;
    return { notBeforeMs, delayMs, reason: reason ?? this.lastReason };
  }

  #buryAtLast({ reason }: RetryOptions): Promise<void> {
    return this.#bury(`gave up after ${this.attempts} attempts${reason === undefined ? '' : `: ${reason}`}`);
  }

  /** Marks the delivery as lost, because its claim is gone or may be. Does nothing if the delivery is settled. */
  lose(reason: HoldLostReason): void {
    this.#end('lost', reason);
  }

  #look(): void {
    const { keeper } = this.#desk;
    if (this.#state !== 'held' || epochValidForMs(keeper, this.claim.epoch) > 0) return;
    this.lose('validity');
    // Deferred, because a caller that reads the state may be in the middle of its own work.
    systemClock.afterTick(() => this.#desk.onLapsed(this));
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
      // The server refused, for instance by an access control list: the delivery still has to be settled.
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
