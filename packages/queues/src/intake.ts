import type { Keeper, Transaction } from '@zk-recipes/core';
import { giveUp } from '@zk-recipes/core/recipe-kit';
import type { AvailableItem, Item } from './backlog.js';
import { Caution } from './caution.js';
import { type Claim, type ClaimOutcome, Claims, type JointOutcome, UnreadItem } from './claims.js';
import { Custody } from './custody.js';
import type { ClaimedDelivery, DeliveryDesk } from './delivery.js';
import type { Employer, Job } from './job.js';
import type { QueueView } from './queue-view.js';
import type { Seat, Seats } from './seats.js';
import type { Trouble } from './trouble.js';
import { unpack } from './unpacking.js';

/** What is claimed besides something else. */
export interface Next {
  readonly item: Item;
  /** Whether somebody has asked for it. */
  readonly isAsked: boolean;
}

/** For whom items are claimed. */
export interface Counter extends DeliveryDesk {
  /** Whether nothing is handed out any more. */
  readonly isLate: boolean;
  /** Something may be to be done. */
  ring(): void;
}

/** Claims items, and takes what was claimed into custody, in the order in which the claims were begun. */
export class Intake<T> {
  readonly caution: Caution = new Caution();
  readonly custody: Custody<T>;
  readonly #job: Job<T>;
  readonly #counter: Counter;
  readonly #claims: Claims;
  readonly #seats: Seats;
  readonly #trouble: Trouble;
  #underWay = 0;
  #concluded: Promise<void> = Promise.resolve();

  constructor(job: Job<T>, employer: Employer<T>, counter: Counter, seats: Seats, trouble: Trouble) {
    const keeper: Keeper = job.keeper;
    this.#job = job;
    this.#counter = counter;
    this.#claims = new Claims(keeper, job.maxAttempts, () => counter.isLate);
    this.custody = new Custody(keeper, this.#claims, employer);
    this.#seats = seats;
    this.#trouble = trouble;
  }

  /** Number of items that are being claimed, or about to be taken into custody. */
  get underWay(): number {
    return this.#underWay;
  }

  /** @param isAsked whether somebody has asked for it */
  claim(view: QueueView, item: Item, seat: Seat | null, isAsked: boolean): void {
    if (seat !== null) this.#seats.stake(seat, 1);
    this.#begin(view, item);
    void this.#conclude(view, item, seat, this.#claims.claim(item, seat?.path ?? null, isAsked));
  }

  /** Claims what a place in the line is for: all of it at once, but what was claimed before by itself. */
  claimInTurn(view: QueueView, items: readonly AvailableItem[], seat: Seat, isAsked: boolean): void {
    const repeated = items.findIndex(({ isRepeated }) => isRepeated);
    const all = items.slice(0, repeated < 0 ? items.length : Math.max(1, repeated));
    if (all.length === 1) {
      this.claim(view, all[0] as AvailableItem, seat, isAsked);
      return;
    }
    this.claimAll(view, all, seat);
  }

  /** Claims several items that were not claimed before, as far as is known, by one transaction. @param seat `null` for none */
  claimAll(view: QueueView, items: readonly Item[], seat: Seat | null): void {
    if (seat !== null) this.#seats.stake(seat, items.length);
    for (const item of items) this.#begin(view, item);
    const outcomes = this.#claims.claimAll(items, seat?.path ?? null);
    for (const [index, item] of items.entries()) {
      void this.#conclude(view, item, index === 0 ? seat : null, outcomes[index] as Promise<ClaimOutcome>);
    }
  }

  /** Claims an item by one transaction with what goes before it. @param sizeBefore number of operations of that */
  claimAfter(view: QueueView, before: Transaction, sizeBefore: number, { item, isAsked }: Next): Promise<JointOutcome> {
    this.#begin(view, item);
    const joint = this.#claims.claimAfter(before, sizeBefore, item, isAsked);
    void this.#conclude(
      view,
      item,
      null,
      joint.then(({ outcome }) => outcome()),
    );
    return joint;
  }

  /** An item that nobody has seen goes back as if it had never been claimed. */
  async return(delivery: ClaimedDelivery<T>): Promise<void> {
    this.custody.drop(delivery);
    await this.custody.giveBack(delivery.claim, true);
  }

  #begin(view: QueueView, item: Item): void {
    this.#underWay += 1;
    view.backlog.want(item, true);
  }

  /** Sees to what comes of a claim. Never rejects. */
  async #conclude(view: QueueView, item: Item, seat: Seat | null, claiming: Promise<ClaimOutcome>): Promise<void> {
    const before = this.#concluded;
    const concluding = this.#concludeAfter(before, view, item, seat, claiming);
    this.#concluded = concluding.then(() => before);
    await concluding;
  }

  async #concludeAfter(
    before: Promise<void>,
    view: QueueView,
    item: Item,
    seat: Seat | null,
    claiming: Promise<ClaimOutcome>,
  ): Promise<void> {
    try {
      const outcome = await claiming.finally(() => seat !== null && this.#seats.unstake(seat));
      if (outcome.kind === 'claimed') {
        this.caution.onClaimed();
        await this.#accept(outcome.claim, before);
        return;
      }
      if (outcome.kind === 'deferred') view.backlog.defer(item, outcome.untilMs);
      else if (outcome.kind === 'repeated') view.backlog.repeat(item);
      else if (outcome.kind === 'taken' || outcome.kind === 'gone') {
        if (seat === null) this.caution.onCollision();
        await view.doubt(item);
      }
      if (seat === null || outcome.kind === 'unseated') return;
      await this.#seats.keep(seat, !this.#counter.isLate);
    } catch (error) {
      if (seat !== null) void giveUp([seat]);
      if (error instanceof UnreadItem) await this.custody.giveBack(error.claim, true);
      this.#trouble.meet(error instanceof UnreadItem ? error.cause : error, 'claiming an item');
    } finally {
      view.backlog.want(item, false);
      this.#underWay -= 1;
      this.#counter.ring();
    }
  }

  async #accept(claim: Claim, before: Promise<void>): Promise<void> {
    const delivery = this.#counter.isLate ? null : await unpack(this.#job, this.#counter, claim);
    await before;
    if (this.#counter.isLate) await this.custody.giveBack(delivery?.claim ?? claim, true);
    else if (delivery !== null) this.custody.take(delivery);
  }
}
