import type { Keeper, Transaction } from '@zk-recipes/core';
import { inMs, isPassing } from '@zk-recipes/core/recipe-kit';
import { LEFT_ALONE_MS } from './attempt-record.js';
import { type AvailableItem, claimPath, type Item } from './backlog.js';
import { Caution } from './caution.js';
import { RefusedItem } from './claim-attempt.js';
import { type Claim, type ClaimOutcome, Claims, type JointOutcome, UnreadItem } from './claims.js';
import { Custody } from './custody.js';
import type { ClaimedDelivery, DeliveryDesk } from './delivery.js';
import type { Employer, Job } from './job.js';
import type { QueueView } from './queue-view.js';
import type { Seat, Seats } from './seats.js';
import type { Trouble } from './trouble.js';
import { type Unpacked, unpack } from './unpacking.js';

/** Item to claim in the same transaction as other work. */
export interface Next {
  readonly item: AvailableItem;
  /** Whether a caller has asked for the item. */
  readonly isAsked: boolean;
}

/** Position of a claim in the order of handing out. */
interface Turn {
  /** Resolves when all earlier claims have been handed out, or were slow. */
  readonly before: Promise<void>;
  /** Ends the claim: its item no longer counts as being claimed. */
  end(): void;
  /** Lets later claims be handed out first. */
  yield(): void;
}

/** Owner of the claimed items: their consumer session. */
export interface Counter extends DeliveryDesk {
  /** Whether nothing more is handed out. */
  readonly isLate: boolean;
  /** Signal that aborts when nothing more is handed out. */
  readonly late: AbortSignal;
  /** Wakes the loop. */
  ring(): void;
}

/** Claims items, and adds the claimed items to the in-flight items, in the order in which the claims began. */
export class Intake<T> {
  readonly caution: Caution = new Caution();
  readonly custody: Custody<T>;
  readonly #job: Job<T>;
  readonly #counter: Counter;
  readonly #claims: Claims;
  readonly #seats: Seats;
  readonly #trouble: Trouble;
  /** Paths of the claims that are being made. */
  readonly #claiming = new Set<string>();
  #underWay = 0;
  #repeating = 0;
  #concluded: Promise<void> = Promise.resolve();
  /** Resolves when all items claimed so far have been handed out, or were slow. */
  #inOrder: Promise<void> = Promise.resolve();

  constructor(job: Job<T>, employer: Employer<T>, counter: Counter, seats: Seats, trouble: Trouble) {
    const keeper: Keeper = job.keeper;
    this.#job = job;
    this.#counter = counter;
    this.#claims = new Claims(keeper, job.maxAttempts, () => counter.isLate);
    this.custody = new Custody(keeper, this.#claims, employer);
    this.#seats = seats;
    this.#trouble = trouble;
  }

  /** Number of items that are being claimed and are not in flight yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Resolves when no claim is being made or about to be released. */
  async untilConcluded(): Promise<void> {
    for (let concluded = this.#concluded; ; concluded = this.#concluded) {
      await concluded;
      if (concluded === this.#concluded) break;
    }
    await this.custody.untilReturned();
  }

  /** Paths of the claims that are being made, released or settled. */
  get leaving(): readonly string[] {
    return [...new Set([...this.#claiming, ...this.custody.leaving])];
  }

  /** Claims an item without a ticket. @param isAsked whether a caller has asked for the item */
  claim(view: QueueView, item: AvailableItem, isAsked: boolean): void {
    void this.#conclude(view, item, null, this.#claims.claim(item, null, isAsked));
  }

  /**
   * Claims the items of a ticket. Items that were never claimed before, as far as is known, are claimed together.
   *
   * @param asked number of items that callers have asked for
   */
  claimInTurn(view: QueueView, items: readonly AvailableItem[], seat: Seat, asked: number): void {
    const fresh = items.filter(({ isRepeated }) => !isRepeated);
    const together = fresh.length > 1 ? fresh : [];
    const first = together[0] ?? items[0];
    this.#seats.stake(seat, items.length);
    const claimed = together.length > 0 ? this.#claims.claimAll(together, seat.path) : [];
    const outcomes = new Map(together.map((item, index) => [item, claimed[index]]));
    for (const [index, item] of items.entries()) {
      const own = item === first ? seat : null;
      void this.#conclude(
        view,
        item,
        own,
        outcomes.get(item) ?? this.#claims.claim(item, own?.path ?? null, index < asked),
      );
    }
  }

  /** Claims several items in one transaction, without a ticket. As far as is known, they were never claimed before. */
  claimAll(view: QueueView, items: readonly AvailableItem[]): void {
    for (const [index, outcome] of this.#claims.claimAll(items, null).entries()) {
      const item = items[index] as AvailableItem;
      void this.#conclude(view, item, null, outcome);
    }
  }

  /** Extends a transaction so that it also claims an item. @param sizeBefore number of operations of the transaction so far */
  claimAfter(view: QueueView, before: Transaction, sizeBefore: number, { item, isAsked }: Next): Promise<JointOutcome> {
    const joint = this.#claims.claimAfter(before, sizeBefore, item, isAsked);
    void this.#conclude(
      view,
      item,
      null,
      joint.then(({ outcome }) => outcome()),
    );
    return joint;
  }

  /** Releases an item that no caller has seen, as if it had never been claimed. */
  async return(delivery: ClaimedDelivery<T>): Promise<void> {
    this.custody.drop(delivery);
    await this.custody.giveBack(delivery.claim, true);
  }

  /** Whether a redelivered item is being claimed or in flight. */
  get isRepeating(): boolean {
    return this.#repeating > 0 || this.custody.hasRepeated;
  }

  /** Handles the outcome of a claim. Never rejects. */
  async #conclude(
    view: QueueView,
    item: AvailableItem,
    seat: Seat | null,
    claiming: Promise<ClaimOutcome>,
  ): Promise<void> {
    const end = this.#begin(view, item);
    const before = this.#inOrder;
    let yieldTurn = (): void => {};
    const yielded = new Promise<void>((resolve) => {
      yieldTurn = resolve;
    });
    const turn = { before, end, yield: yieldTurn };
    const concluding = this.#concludeAfter(turn, view, item, seat, claiming);
    const concludedBefore = this.#concluded;
    this.#concluded = concluding.then(() => concludedBefore);
    this.#inOrder = yielded.then(() => before);
    await concluding;
    yieldTurn();
    end();
    this.#counter.ring();
  }

  /** @returns a function that ends the claim */
  #begin(view: QueueView, item: AvailableItem): () => void {
    const { isRepeated } = item;
    const count = (by: 1 | -1): void => {
      this.#underWay += by;
      if (isRepeated) this.#repeating += by;
      view.backlog.want(item, by === 1);
    };
    count(1);
    const path = claimPath(item);
    this.#claiming.add(path);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      count(-1);
      this.#claiming.delete(path);
    };
  }

  async #concludeAfter(
    turn: Turn,
    view: QueueView,
    item: Item,
    seat: Seat | null,
    claiming: Promise<ClaimOutcome>,
  ): Promise<void> {
    try {
      const outcome = await claiming.finally(() => seat !== null && this.#seats.unstake(seat));
      if (outcome.kind === 'claimed') {
        this.caution.onClaimed();
        this.#trouble.pass();
        await this.#accept(outcome.claim, turn);
        return;
      }
      if (outcome.kind === 'deferred') view.backlog.defer(item, outcome.until);
      else if (outcome.kind === 'repeated') view.backlog.repeat(item);
      else if (outcome.kind === 'taken' || outcome.kind === 'gone') {
        if (seat === null) this.caution.onCollision();
        await view.doubt(item);
      }
      if (seat === null || outcome.kind === 'unseated') return;
      await this.#seats.keep(seat, !this.#counter.isLate);
    } catch (error) {
      if (seat !== null) void this.#seats.giveUp([seat]);
      await this.#meet(error, view);
    }
  }

  /**
   * Handles an error. If the server's refusal concerns a single item, that item is deferred for a minute. Any other error concerns the
   * queue.
   */
  async #meet(error: unknown, view: QueueView): Promise<void> {
    if (error instanceof RefusedItem) {
      view.backlog.defer(error.item, inMs(LEFT_ALONE_MS));
      this.#trouble.report(error, 'claiming an item');
    } else if (error instanceof UnreadItem) {
      const isOfItem = !isPassing(error.cause);
      // Another consumer may be able to read the item.
      if (isOfItem) view.backlog.defer(error.claim.item, inMs(LEFT_ALONE_MS));
      await this.custody.giveBack(error.claim, true);
      if (isOfItem) this.#trouble.report(error, 'reading an item');
      else this.#trouble.meet(error.cause, 'claiming an item');
    } else this.#trouble.meet(error, 'claiming an item');
  }

  async #accept(claim: Claim, { before, end, yield: yieldTurn }: Turn): Promise<void> {
    const { isLate, late } = this.#counter;
    const signals = { late, onSlow: yieldTurn };
    const unpacked: Unpacked<T> = isLate ? { returned: claim } : await unpack(this.#job, this.#counter, claim, signals);
    if (unpacked === null) return;
    if ('returned' in unpacked) {
      await this.custody.giveBack(unpacked.returned, true);
      return;
    }
    this.custody.take(unpacked);
    await before;
    // Ended before the hand-out, because the caller may finish the item at once and want another.
    end();
    await this.custody.handOut(unpacked, this.#counter.isLate);
  }
}
