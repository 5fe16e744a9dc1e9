import type { HoldLostReason, Keeper } from '@zk-recipes/core';
import { claimPath, type Item } from './backlog.js';
import type { Claim, Claims } from './claims.js';
import type { ClaimedDelivery } from './delivery.js';
import { giveBack } from './giving-back.js';
import type { Employer } from './job.js';
import { untilPermitted } from './until-permitted.js';

/** In-flight items of a consumer session: claimed and not settled, handed out or ready to be handed out. */
export class Custody<T> {
  readonly #keeper: Keeper;
  readonly #claims: Claims;
  readonly #employer: Employer<T>;
  readonly #held = new Map<string, ClaimedDelivery<T>>();
  /** In-flight deliveries that were handed out before, and whose work has not ended. */
  readonly #repeated = new Set<ClaimedDelivery<T>>();
  /** Attempts that are being taken back, with the paths of their claims. */
  readonly #returns = new Map<Promise<void>, string>();

  constructor(keeper: Keeper, claims: Claims, employer: Employer<T>) {
    this.#keeper = keeper;
    this.#claims = claims;
    this.#employer = employer;
  }

  /** Number of in-flight deliveries. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether one of the deliveries was handed out before. */
  get hasRepeated(): boolean {
    return this.#repeated.size > 0;
  }

  /** Adds a delivery before it is handed out. */
  take(delivery: ClaimedDelivery<T>): void {
    this.#held.set(claimPath(delivery.claim.item), delivery);
    if (delivery.attempts > 1) this.#repeated.add(delivery);
  }

  /** Hands a delivery to the consumer, unless it was lost meanwhile. A late delivery is released instead. */
  async handOut(delivery: ClaimedDelivery<T>, isLate: boolean): Promise<void> {
    if (this.#held.get(claimPath(delivery.claim.item)) !== delivery) return;
    if (!isLate) this.#employer.deliver(delivery);
    else {
      this.drop(delivery);
      await this.giveBack(delivery.claim, true);
    }
  }

  /** Removes a delivery that is settled, or that other code takes care of. */
  drop(delivery: ClaimedDelivery<T>): void {
    const path = claimPath(delivery.claim.item);
    if (this.#held.get(path) !== delivery) return;
    this.#held.delete(path);
    this.#repeated.delete(delivery);
  }

  /** Marks the work on a delivery as ended; the background settles the delivery. */
  release(delivery: ClaimedDelivery<T>): void {
    this.#repeated.delete(delivery);
  }

  /** Handles a claim that was removed by another process: unless it is being settled, the delivery is lost. */
  loseUnclaimed(item: Item): void {
    const delivery = this.#held.get(claimPath(item));
    if (delivery === undefined || delivery.isSettling) return;
    this.drop(delivery);
    delivery.lose('deleted');
    this.#employer.onLost(delivery);
  }

  /** Loses all deliveries, because the session is over or will be. A delivery that was never handed out does not count as an attempt. */
  loseAll(reason: HoldLostReason): void {
    for (const delivery of [...this.#held.values()]) {
      delivery.lose(reason);
      this.returnLost(delivery);
    }
  }

  /** Releases the claim of a lost delivery, because its session may live on. */
  returnLost(delivery: ClaimedDelivery<T>): void {
    if (this.#held.get(claimPath(delivery.claim.item)) !== delivery) return;
    this.drop(delivery);
    const isSettling = delivery.isSettling;
    const isSeen = this.#employer.onLost(delivery) || isSettling;
    void this.giveBack(delivery.claim, !isSeen);
  }

  /**
   * Releases a claim. Never rejects: after a refusal the release goes on in the background.
   *
   * @param isUnseen whether no handler has begun to work on the item: then the claim does not count as an attempt
   */
  async giveBack(claim: Claim, isUnseen: boolean): Promise<void> {
    const path = claimPath(claim.item);
    // The release ends by itself when the session of the claim is over.
    const never = (): AbortSignal => new AbortController().signal;
    const giving = (): Promise<void> => giveBack(this.#keeper, this.#claims, claim, isUnseen);
    const returning = untilPermitted(this.#keeper, path, never, giving).catch(() => {});
    if (isUnseen) this.#returns.set(returning, path);
    await returning;
    this.#returns.delete(returning);
  }

  /** Resolves when no attempt is being taken back. */
  async untilReturned(): Promise<void> {
    while (this.#returns.size > 0) await Promise.all(this.#returns.keys());
  }

  /** Paths of the claims that are being released or settled. */
  get leaving(): readonly string[] {
    const settling = [...this.#held].filter(([, { isSettling }]) => isSettling);
    return [...this.#returns.values(), ...settling.map(([path]) => path)];
  }
}
