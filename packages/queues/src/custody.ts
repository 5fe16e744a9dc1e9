import type { HoldLostReason, Keeper } from '@zk-recipes/core';
import { claimPath, type Item } from './backlog.js';
import type { Claim, Claims } from './claims.js';
import type { ClaimedDelivery } from './delivery.js';
import { giveBack } from './giving-back.js';
import type { Employer } from './job.js';
import { untilPermitted } from './until-permitted.js';

/** What a shift has claimed and not settled: it was handed out, or is ready to be. */
export class Custody<T> {
  readonly #keeper: Keeper;
  readonly #claims: Claims;
  readonly #employer: Employer<T>;
  readonly #held = new Map<string, ClaimedDelivery<T>>();
  /** Those of them that were handed out before, and are, or will be, worked on. */
  readonly #repeated = new Set<ClaimedDelivery<T>>();
  /** Attempts that are about to be taken back, and paths of their claims. */
  readonly #returns = new Map<Promise<void>, string>();

  constructor(keeper: Keeper, claims: Claims, employer: Employer<T>) {
    this.#keeper = keeper;
    this.#claims = claims;
    this.#employer = employer;
  }

  /** Number of deliveries. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether one of them was handed out before. */
  get hasRepeated(): boolean {
    return this.#repeated.size > 0;
  }

  /** Takes care of it, before anybody has it. */
  take(delivery: ClaimedDelivery<T>): void {
    this.#held.set(claimPath(delivery.claim.item), delivery);
    if (delivery.attempts > 1) this.#repeated.add(delivery);
  }

  /** Hands it to whoever wants it, unless it was lost meanwhile. */
  async handOut(delivery: ClaimedDelivery<T>, isLate: boolean): Promise<void> {
    if (this.#held.get(claimPath(delivery.claim.item)) !== delivery) return;
    if (!isLate) this.#employer.deliver(delivery);
    else {
      this.drop(delivery);
      await this.giveBack(delivery.claim, true);
    }
  }

  /** It is settled, or somebody else sees to it. */
  drop(delivery: ClaimedDelivery<T>): void {
    const path = claimPath(delivery.claim.item);
    if (this.#held.get(path) !== delivery) return;
    this.#held.delete(path);
    this.#repeated.delete(delivery);
  }

  /** Its work has ended, and the background settles it. */
  release(delivery: ClaimedDelivery<T>): void {
    this.#repeated.delete(delivery);
  }

  /** Somebody has removed a claim: unless it is being settled, the delivery is lost. */
  loseUnclaimed(item: Item): void {
    const delivery = this.#held.get(claimPath(item));
    if (delivery === undefined || delivery.isSettling) return;
    this.drop(delivery);
    delivery.lose('deleted');
    this.#employer.onLost(delivery);
  }

  /** All is lost with the session, or will be. What nobody has seen was no attempt. */
  loseAll(reason: HoldLostReason): void {
    for (const delivery of [...this.#held.values()]) {
      delivery.lose(reason);
      this.returnLost(delivery);
    }
  }

  /** Gives the claim of a lost delivery back, which the session may outlive. */
  returnLost(delivery: ClaimedDelivery<T>): void {
    if (this.#held.get(claimPath(delivery.claim.item)) !== delivery) return;
    this.drop(delivery);
    const isSettling = delivery.isSettling;
    const isSeen = this.#employer.onLost(delivery) || isSettling;
    void this.giveBack(delivery.claim, !isSeen);
  }

  /**
   * Gives a claim back. Never rejects: what is refused goes on in the background.
   *
   * @param isUnseen whether no handler has begun to work on the item: then it was no attempt
   */
  async giveBack(claim: Claim, isUnseen: boolean): Promise<void> {
    const path = claimPath(claim.item);
    // It ends by itself when the session of the claim is over.
    const never = (): AbortSignal => new AbortController().signal;
    const giving = (): Promise<void> => giveBack(this.#keeper, this.#claims, claim, isUnseen);
    const returning = untilPermitted(this.#keeper, path, never, giving).catch(() => {});
    if (isUnseen) this.#returns.set(returning, path);
    await returning;
    this.#returns.delete(returning);
  }

  /** Resolves when there is no attempt any more that is about to be taken back. */
  async untilReturned(): Promise<void> {
    while (this.#returns.size > 0) await Promise.all(this.#returns.keys());
  }

  /** Paths of the claims that are being given back or settled. */
  get leaving(): readonly string[] {
    const settling = [...this.#held].filter(([, { isSettling }]) => isSettling);
    return [...this.#returns.values(), ...settling.map(([path]) => path)];
  }
}
