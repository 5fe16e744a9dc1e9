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
import { claimPath, itemPath } from './backlog.js';
import type { Claim } from './claims.js';
import type { ItemLabel } from './item-name.js';
import type { Store } from './places.js';
import { ClaimGone, type Settlement } from './settlement.js';
import { untilPermitted } from './until-permitted.js';

/** How to have an item handed out again. */
export interface RetryOptions {
  /** Milliseconds, up to 2^40, before which it is not handed out, by this machine's clock. Default 0. */
  readonly delayMs?: number | undefined;
  /** Why: kept with the item, up to 1,000 characters. */
  readonly reason?: string | undefined;
}

const retrySchema = z.strictObject({
  delayMs: z.optional(z.number().check(z.minimum(0), z.maximum(2 ** 40))),
  reason: z.optional(z.string()),
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
  /** Of an id queue, as it stands in the znode's name (`/` and `|` are `_`); else `null`. */
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
  onSettling(verb: SettlementVerb): void;
  /** Told when that has ended: it is settled, or lost, or as before. */
  onSettled(delivery: Delivery<unknown>, verb: SettlementVerb): void;
}

/** How a delivery is settled. */
export type SettlementVerb = 'ack' | 'retry' | 'reject';

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

  validForMs(): number {
    return this.state === 'held' ? epochValidForMs(this.#desk.keeper, this.claim.epoch) : 0;
  }

  guard(): Transaction {
    if (this.state !== 'held') throw new NotHeldError(this.path, { cause: this.#signal.signal.reason });
    return this.#desk.keeper.limited.transaction().check(claimPath(this.claim.item));
  }

  ack(): Promise<void> {
    return this.#settle('ack', () => this.#desk.acknowledge(this.claim));
  }

  async retry(options: RetryOptions = {}): Promise<void> {
    checkOptions('retry of a Delivery', retrySchema, options);
    const { settlement, maxAttempts } = this.#desk;
    const { delayMs = 0, reason = null } = options;
    const notBeforeMs = delayMs === 0 ? 0 : systemClock.wallNow() + delayMs;
    await this.#settle('retry', () =>
      this.attempts >= maxAttempts
        ? this.#bury(`gave up after ${this.attempts} attempts${reason === null ? '' : `: ${reason}`}`)
        : settlement.giveBack(this.claim, { notBeforeMs, delayMs, reason: reason ?? this.lastReason }),
    );
  }

  async reject(reason = 'rejected'): Promise<void> {
    if (typeof reason !== 'string') throw new TypeError(`Expected \`reason\` to be a string, got ${received(reason)}`);
    await this.#settle('reject', () => this.#bury(reason));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.giveBack(checkEnding());
  }

  /** The same with another limit in milliseconds. */
  async giveBack(timeoutMs: number): Promise<void> {
    if (this.state !== 'held') return;
    // If its session has ended meanwhile, the item has gone back by that.
    const givingBack = this.settle('retry', {}).catch(() => {});
    await waitForEnding(this.#desk.keeper, claimPath(this.claim.item), givingBack, timeoutMs);
  }

  /**
   * Settles it on behalf of a caller that has left: waits for a settlement that is under way, and settles it by `verb` if it is still held
   * then. A refusal is told as `left behind`, and the background goes on until the delivery is settled or lost.
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
        if (this.state === 'held') await (verb === 'ack' ? this.ack() : this.retry(options));
      },
    );
  }

  /** The claim is gone, or may be. Nothing happens if it is settled. */
  lose(reason: HoldLostReason): void {
    this.#end('lost', reason);
  }

  #look(): void {
    const { keeper } = this.#desk;
    if (this.#state === 'held' && epochValidForMs(keeper, this.claim.epoch) <= 0) this.lose('validity');
  }

  #bury(reason: string): Promise<void> {
    return this.#desk.settlement.bury(this.claim, this.#desk.deadLetters, reason);
  }

  #settle(verb: SettlementVerb, work: () => Promise<void>): Promise<void> {
    if (this.#settling !== null) {
      if (this.#settling.verb === verb) return this.#settling.promise;
      return Promise.reject(new NotHeldError(this.path, { cause: new Error(`${this.#settling.verb}() was called`) }));
    }
    if (this.state === 'lost') return Promise.reject(this.#signal.signal.reason);
    this.#desk.onSettling(verb);
    const promise = this.#perform(verb, work);
    this.#settling = { verb, promise };
    this.#desk.look();
    return promise;
  }

  async #perform(verb: SettlementVerb, work: () => Promise<void>): Promise<void> {
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
      throw error;
    } finally {
      this.#desk.onSettled(this, verb);
    }
  }

  #end(state: 'lost' | 'settled', reason: HoldLostReason): void {
    if (this.#state !== 'held') return;
    this.#state = state;
    this.#signal.abort(() => new HoldLostError(this.path, reason));
  }
}
