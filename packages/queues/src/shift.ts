import { ClosedError, type HoldLostReason, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  earlierOf,
  hasCome,
  momentOf,
  NEVER,
  onSessionLapse,
  persevere,
  systemClock,
} from '@zk-recipes/core/recipe-kit';
import type { AvailableItem } from './backlog.js';
import { Bell } from './bell.js';
import type { Claim } from './claims.js';
import type { ClaimedDelivery, SettlementVerb } from './delivery.js';
import { type Counter, Intake, type Next } from './intake.js';
import type { Employer, Job, Wanted } from './job.js';
import { MOST_ROOM } from './line-order.js';
import type { Store } from './places.js';
import { type Onlooker, QueueView } from './queue-view.js';
import { Seats } from './seats.js';
import { REMOVAL_SIZE, Settlement } from './settlement.js';
import { Trouble } from './trouble.js';
import { beyondLine, mustAsk, turnsOf, wantedOf } from './turns.js';

/** Consumer session: the work of a consumer in one session. */
export class Shift<T> implements Counter, Onlooker {
  readonly keeper: Keeper;
  readonly settlement: Settlement;
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  readonly #job: Job<T>;
  readonly #employer: Employer<T>;
  readonly #lapse = new AbortController();
  /** Aborts when nothing more is handed out: at the end of the session, or by `end`. */
  readonly #late = new AbortController();
  readonly #bell = new Bell();
  readonly #intake: Intake<T>;
  readonly #seats: Seats;
  readonly #trouble: Trouble;
  #view: QueueView | null = null;
  #isBlind = false;
  #isFarBack = false;

  constructor(job: Job<T>, employer: Employer<T>) {
    this.keeper = job.keeper;
    this.deadLetters = job.deadLetters;
    this.maxAttempts = job.maxAttempts;
    this.#job = job;
    this.#employer = employer;
    this.#seats = new Seats(job.keeper, job.line, this.#lapse.signal);
    this.#trouble = new Trouble(job.keeper, job.line, this.#lapse.signal, {
      endsOnRefusal: job.endsOnRefusal,
      onFatal: (error) => this.#fail(error),
    });
    this.#intake = new Intake(job, employer, this, this.#seats, this.#trouble);
    this.settlement = new Settlement(job.keeper, this.#lapse.signal);
  }

  /** Works until the session may be over, or until `end` was called and all deliveries are settled. */
  async run(): Promise<void> {
    const cancel = onSessionLapse(this.keeper, this.keeper.sessionEpoch, (reason) => this.#lose(reason));
    try {
      while (!this.#isOver) {
        const view = await this.#open();
        // Without a view, deliveries can still be settled or lost.
        if (view === null) while (!this.#isOver) await this.#bell.wait();
        else await this.#work(view);
        if (!this.#isOver && !this.#isBlind) await this.#sleep();
      }
    } finally {
      cancel();
      this.#bell.ringAt(NEVER);
      await this.#seats.leave();
      // The next consumer session must not find attempts that are being taken back.
      while (this.#intake.underWay > 0) await this.#bell.wait();
      await this.#intake.custody.untilReturned();
    }
  }

  /** Stops claiming items, and leaves the line. Deliveries can still be settled. */
  end(): void {
    this.#late.abort();
    this.ring();
    void this.#seats.leave();
  }

  /** Resolves, after `end`, when only handed-out deliveries are left. */
  async untilLeft(): Promise<void> {
    await this.#intake.untilConcluded();
    await this.#seats.untilLeft();
  }

  /** Paths of the claims and tickets that are being removed. */
  get leaving(): readonly string[] {
    return [...this.#intake.leaving, ...this.#seats.leaving];
  }

  /** Wakes the loop. */
  ring(): void {
    this.#bell.ring();
  }

  /** Looks for work at once, so that new requests are sent together with the caller's requests. */
  look(): void {
    if (this.#view !== null && !this.#isOver) this.#step(this.#view);
  }

  /** Releases an item that no caller has seen, as if it had never been claimed. */
  async return(delivery: ClaimedDelivery<T>): Promise<void> {
    await this.#intake.return(delivery);
    this.ring();
  }

  async acknowledge(claim: Claim): Promise<void> {
    const view = this.#view;
    const next = view === null ? null : this.#nextInReach(view);
    if (view === null || next === null) {
      await this.settlement.remove(claim);
      return;
    }
    const joint = await this.#intake.claimAfter(view, this.settlement.removal(claim), REMOVAL_SIZE, next);
    if (joint.kind !== 'done') await this.settlement.remove(claim, joint.kind === 'unknown');
  }

  onSettling(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    this.#employer.onSettling(delivery, verb);
  }

  onAbandoned(delivery: ClaimedDelivery<T>): void {
    this.#employer.onAbandoned(delivery);
    this.#intake.custody.release(delivery);
    this.ring();
  }

  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    // The claim of a delivery that was lost during its settlement may still exist, in a session that lives on.
    if (delivery.state === 'lost') this.#intake.custody.returnLost(delivery);
    else if (delivery.state === 'settled') this.#intake.custody.drop(delivery);
    this.#employer.onSettled(delivery, verb);
    this.ring();
  }

  onLapsed(delivery: ClaimedDelivery<T>): void {
    this.#intake.custody.returnLost(delivery);
    this.ring();
  }

  onUnclaimed(store: Store, name: string): void {
    this.#intake.custody.loseUnclaimed({ store, name });
  }

  onFailure(error: unknown): void {
    this.#trouble.report(error, 'watching a queue');
    this.#isBlind = true;
    this.ring();
  }

  get #wanted(): Wanted {
    const { asked, most } = this.#employer.wanted(this.#intake.underWay);
    if (this.isLate) return { asked: 0, most: 0 };
    // If the redelivered item crashes this process, no other item loses an attempt.
    return { asked, most: this.#intake.isRepeating ? asked : most };
  }

  get late(): AbortSignal {
    return this.#late.signal;
  }

  /** Whether nothing more is handed out. */
  get isLate(): boolean {
    return this.#late.signal.aborted;
  }

  get #isOver(): boolean {
    const isIdle = this.#intake.custody.size + this.#intake.underWay + this.#seats.joining === 0;
    return this.#lapse.signal.aborted || (this.isLate && isIdle);
  }

  /**
   * Opens the view. If `end` is called meanwhile, the current attempt is completed, so that its watches are removed. `persevere` discards a
   * result that arrives together with the abort of a signal, hence the variable.
   *
   * @returns `null` after a failure, after `end`, and when the session may be over, unless a view was opened by then
   */
  async #open(): Promise<QueueView | null> {
    this.#isBlind = false;
    const { signal } = this.#late;
    let view: QueueView | null = null;
    const open = async (): Promise<void> => {
      try {
        view = await QueueView.open(this.#job, this, this.#lapse.signal);
      } catch (error) {
        if (this.#lapse.signal.aborted || !this.#trouble.isFatal(error)) throw error;
        this.#fail(error);
      }
    };
    const onFailure = (error: unknown): void => this.#trouble.report(error, 'watching a queue');
    await persevere(this.keeper, open, { signal, onFailure }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return view;
  }

  async #work(view: QueueView): Promise<void> {
    this.#view = view;
    try {
      while (!this.#isOver && !this.#isBlind && !this.#isFarBack) {
        this.look();
        if (!this.#isOver && !this.#isFarBack) await this.#bell.wait();
      }
    } finally {
      this.#view = null;
      view.close();
    }
  }

  #step(view: QueueView): void {
    const { asked, most } = this.#wanted;
    if (most === 0 && this.#seats.room === 0) {
      this.#bell.ringAt(NEVER);
      return;
    }
    const now = momentOf(systemClock);
    const { line } = view;
    const { items, nextAt } = view.backlog.available(line.room + most + this.#intake.underWay, now);
    const before = this.#seats.placed(line)[0]?.before ?? line.room;
    const wanted = wantedOf(items, { asked, most, before });
    this.#seats.leaveAllBut(wanted - this.#seats.joining, line);
    const isPaused = !hasCome(this.#trouble.until, now);
    const placed = isPaused ? [] : this.#seats.placed(line);
    const turns = turnsOf(placed, items, (index) => line.rankOf(index), now.monotonicMs);
    const missing = Math.max(0, wanted - this.#seats.room);
    let allowed = wanted;
    for (const [seat, items] of turns.items) {
      if (allowed > 0) this.#intake.claimInTurn(view, items.slice(0, allowed), seat, asked - (wanted - allowed));
      allowed -= items.length;
    }
    if (!isPaused && !this.#seats.isShort) this.#seek(view, items, missing, { asked, wanted });
    const isIdle = !isPaused && this.#intake.custody.size + this.#intake.underWay === 0 && asked <= this.#seats.room;
    this.#isFarBack = isIdle && this.#seats.areFarBack(line, items.length);
    const nextTurn = { ...NEVER, monotonicMs: turns.nextAtMs };
    this.#bell.ringAt(isPaused ? this.#trouble.until : earlierOf(nextAt, nextTurn));
  }

  /** Claims items behind the line, so that no ticket is overtaken. For the remaining items it creates a ticket. */
  #seek(
    view: QueueView,
    items: readonly AvailableItem[],
    missing: number,
    { asked, wanted }: { readonly asked: number; readonly wanted: number },
  ): void {
    const free = this.#intake.caution.isDue ? [] : beyondLine(items, view.line.room).slice(0, missing);
    // If other consumers are about to claim the same items, one transaction finds that.
    if (free.length > 1 && this.#employer.batch > 1 && !mustAsk(free)) {
      for (let begin = 0; begin < free.length; begin += MOST_ROOM) {
        this.#intake.claimAll(view, free.slice(begin, begin + MOST_ROOM));
      }
    } else {
      for (const [index, item] of free.entries()) {
        this.#intake.claim(view, item, wanted - missing + index < asked);
      }
    }
    const left = missing - free.length;
    if (left > 0 && (asked > this.#seats.room || left >= this.#employer.batch)) void this.#join(left);
  }

  async #join(wanted: number): Promise<void> {
    const onFailure = (error: unknown): void => this.#trouble.meet(error, 'standing in line');
    await this.#seats.join(wanted, () => !this.isLate).catch(onFailure);
    this.ring();
  }

  /** Returns the next item to claim, if an item is wanted and can be claimed without a ticket. */
  #nextInReach(view: QueueView): Next | null {
    const now = momentOf(systemClock);
    if (this.#lapse.signal.aborted || this.#intake.caution.isDue || !hasCome(this.#trouble.until, now)) return null;
    const { asked, most } = this.#wanted;
    if (most <= this.#seats.room || this.#seats.isShort) return null;
    const { items } = view.backlog.available(view.line.room + this.#intake.underWay + 1, now);
    const isAsked = asked > this.#seats.room;
    const [item] = isAsked || !mustAsk(items) ? beyondLine(items, view.line.room) : [];
    return item === undefined ? null : { item, isAsked };
  }

  #lose(reason: HoldLostReason): void {
    this.#lapse.abort(new SessionExpiredError());
    this.#late.abort();
    this.#intake.custody.loseAll(reason);
    // At once, because with a silent server the end of the `Keeper` may take a while.
    if (reason === 'closed') this.#employer.fail(new ClosedError('keeper is closed'));
    this.ring();
  }

  #fail(error: unknown): void {
    this.#employer.fail(error);
    this.end();
  }

  /** Sleeps until the ticket ahead is gone and the own ticket is near the front. */
  async #sleep(): Promise<void> {
    this.#isFarBack = false;
    this.#bell.silence();
    const { asked } = this.#wanted;
    if (asked === 0 || asked > this.#seats.room) return;
    await this.#bell
      .during(this.#lapse.signal, (signal) => this.#seats.untilNear(signal))
      .catch((error: unknown) => this.#trouble.meet(error, 'standing in line'));
  }
}
