import { setMaxListeners } from 'node:events';
import { type HoldLostReason, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import { giveUp, onSessionLapse, persevere } from '@zk-recipes/core/recipe-kit';
import type { AvailableItem, Item } from './backlog.js';
import { Bell } from './bell.js';
import { Caution } from './caution.js';
import { type Claim, type ClaimOutcome, Claims, UnreadItem } from './claims.js';
import { Custody } from './custody.js';
import type { ClaimedDelivery, DeliveryDesk, SettlementVerb } from './delivery.js';
import { isPassing } from './giving-back.js';
import type { Employer, Job, Wanted } from './job.js';
import type { Store } from './places.js';
import { type Onlooker, QueueView } from './queue-view.js';
import { type Seat, Seats } from './seats.js';
import { REMOVAL_SIZE, Settlement } from './settlement.js';
import { Trouble } from './trouble.js';
import { beyondLine, mustAsk, turnsOf, wantedOf } from './turns.js';
import { unpack } from './unpacking.js';

/** The work of a consumer in one session. */
export class Shift<T> implements DeliveryDesk, Onlooker {
  readonly keeper: Keeper;
  readonly settlement: Settlement;
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  readonly #job: Job<T>;
  readonly #employer: Employer<T>;
  readonly #claims: Claims;
  readonly #lapse = new AbortController();
  readonly #bell = new Bell();
  readonly #caution = new Caution();
  readonly #custody: Custody<T>;
  readonly #seats: Seats;
  readonly #trouble: Trouble;
  #view: QueueView | null = null;
  #claiming = 0;
  #isEnding = false;
  #isBlind = false;
  #isFarBack = false;

  constructor(job: Job<T>, employer: Employer<T>) {
    this.keeper = job.keeper;
    // Everything that is under way heeds it.
    setMaxListeners(0, this.#lapse.signal);
    this.deadLetters = job.deadLetters;
    this.maxAttempts = job.maxAttempts;
    this.#job = job;
    this.#employer = employer;
    this.#claims = new Claims(job.keeper, job.maxAttempts, employer.claimsAhead);
    this.#custody = new Custody(job.keeper, this.#claims, employer);
    this.#seats = new Seats(job.keeper, job.line, this.#lapse.signal);
    this.#trouble = new Trouble(job.keeper, job.line, this.#lapse.signal, (error) => this.#fail(error));
    this.settlement = new Settlement(job.keeper, this.#lapse.signal);
  }

  /** Works until the session may be over, or until `end` was called and all is settled. */
  async run(): Promise<void> {
    const cancel = onSessionLapse(this.keeper, this.keeper.sessionEpoch, (reason) => this.#lose(reason));
    try {
      while (!this.#isOver) {
        const view = await this.#open();
        // Without one, what is held can still be settled, or lost.
        if (view === null) while (!this.#isOver) await this.#bell.wait();
        else await this.#work(view);
        if (!this.#isOver && !this.#isBlind) await this.#sleep();
      }
    } finally {
      cancel();
      this.#bell.ringAt(Number.POSITIVE_INFINITY);
      await this.#seats.leave();
      // The next shift is not to find attempts that are about to be taken back.
      while (this.#claiming > 0) await this.#bell.wait();
      await this.#custody.untilReturned();
    }
  }

  /** Takes no more items. What is held can still be settled. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.ring();
    await this.#seats.leave();
  }

  /** Something may be to be done. */
  ring(): void {
    this.#bell.ring();
  }

  /** Looks at once, so that what is sent leaves with what the caller sends. */
  look(): void {
    if (this.#view !== null && !this.#isOver) this.#step(this.#view);
  }

  /** An item that nobody has seen goes back as if it had never been claimed. */
  async return(delivery: ClaimedDelivery<T>): Promise<void> {
    this.#custody.drop(delivery);
    await this.#custody.giveBack(delivery.claim, true);
    this.ring();
  }

  async acknowledge(claim: Claim): Promise<void> {
    const view = this.#view;
    const next = view === null ? null : this.#nextInReach(view);
    if (view === null || next === null) {
      await this.settlement.remove(claim);
      return;
    }
    this.#begin(view, next);
    const removal = this.settlement.removal(claim);
    const joint = await this.#claims.claimAfter(removal, REMOVAL_SIZE, next);
    void this.#conclude(view, next, null, joint.outcome());
    if (joint.kind !== 'done') await this.settlement.remove(claim, joint.kind === 'unknown');
  }

  onSettling(verb: SettlementVerb): void {
    this.#employer.onSettling(verb);
  }

  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    if (delivery.state !== 'held') this.#custody.drop(delivery);
    this.#employer.onSettled(delivery, verb);
    this.ring();
  }

  onUnclaimed(store: Store, name: string): void {
    this.#custody.loseUnclaimed({ store, name });
  }

  onFailure(error: unknown): void {
    this.#trouble.report(error, 'watching a queue');
    this.#isBlind = true;
    this.ring();
  }

  get #wanted(): Wanted {
    return this.#isEnding ? { asked: 0, most: 0 } : this.#employer.wanted(this.#claiming);
  }

  get #isOver(): boolean {
    const isIdle = this.#custody.size + this.#claiming + this.#seats.joining === 0;
    return this.#lapse.signal.aborted || (this.#isEnding && isIdle);
  }

  async #open(): Promise<QueueView | null> {
    this.#isBlind = false;
    const { signal } = this.#lapse;
    const open = (): Promise<QueueView | null> =>
      QueueView.open(this.#job, this, signal).catch((error: unknown) => {
        if (isPassing(error) || signal.aborted) throw error;
        this.#fail(error);
        return null;
      });
    const onFailure = (error: unknown): void => this.#trouble.report(error, 'watching a queue');
    return await persevere(this.keeper, open, { signal, onFailure }).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
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
      this.#bell.ringAt(Number.POSITIVE_INFINITY);
      return;
    }
    const nowMs = Date.now();
    const { line } = view;
    const { items, nextAtMs } = view.backlog.available(line.room + most + this.#claiming, nowMs);
    const others = this.#seats.placed(line).reduce((room, own) => room - own.room, line.room);
    const wanted = wantedOf(items, { asked, most, others });
    this.#seats.leaveAllBut(wanted - this.#seats.joining, line);
    const isPaused = this.#trouble.untilMs > nowMs;
    const turns = turnsOf(isPaused ? [] : this.#seats.placed(line), items, (index) => line.rankOf(index), nowMs);
    const missing = isPaused ? 0 : Math.max(0, wanted - this.#seats.room);
    let allowed = wanted;
    for (const [seat, items] of turns.items) {
      if (allowed > 0) this.#claimInTurn(view, items.slice(0, allowed), seat);
      allowed -= items.length;
    }
    // Nobody in line is overtaken.
    const free = this.#caution.isDue ? [] : beyondLine(items, line.room).slice(0, missing);
    for (const item of free) this.#claim(view, item, null);
    const left = missing - free.length;
    if (left > 0 && (asked > this.#seats.room || left >= this.#employer.batch)) void this.#join(left);
    this.#isFarBack = this.#custody.size + this.#claiming === 0 && this.#seats.areFarBack(line, items.length);
    this.#bell.ringAt(isPaused ? this.#trouble.untilMs : Math.min(nextAtMs, turns.nextAtMs));
  }

  async #join(wanted: number): Promise<void> {
    const onFailure = (error: unknown): void => this.#trouble.meet(error, 'standing in line');
    await this.#seats.join(wanted, () => !this.#isEnding).catch(onFailure);
    this.ring();
  }

  /** The item that may be claimed without standing in line, if one is wanted. */
  #nextInReach(view: QueueView): AvailableItem | null {
    const nowMs = Date.now();
    if (this.#lapse.signal.aborted || this.#caution.isDue || this.#trouble.untilMs > nowMs) return null;
    const { asked, most } = this.#wanted;
    if (most <= this.#seats.room) return null;
    const { items } = view.backlog.available(view.line.room + this.#claiming + 1, nowMs);
    if (asked <= this.#seats.room && mustAsk(items)) return null;
    return beyondLine(items, view.line.room)[0] ?? null;
  }

  #claim(view: QueueView, item: AvailableItem, seat: Seat | null): void {
    this.#begin(view, item);
    void this.#conclude(view, item, seat, this.#claims.claim(item, seat?.path ?? null));
  }

  /** Claims what a place in the line is for: all of it at once, but what was claimed before by itself. */
  #claimInTurn(view: QueueView, items: readonly AvailableItem[], seat: Seat): void {
    this.#seats.stake(seat);
    const repeated = items.findIndex(({ isRepeated }) => isRepeated);
    const all = items.slice(0, repeated < 0 ? items.length : Math.max(1, repeated));
    if (all.length === 1) {
      this.#claim(view, all[0] as AvailableItem, seat);
      return;
    }
    for (const item of all) this.#begin(view, item);
    const outcomes = this.#claims.claimAll(all, seat.path);
    for (const [index, item] of all.entries()) {
      void this.#conclude(view, item, index === 0 ? seat : null, outcomes[index] as Promise<ClaimOutcome>);
    }
  }

  #begin(view: QueueView, item: Item): void {
    this.#claiming += 1;
    view.backlog.want(item, true);
  }

  async #conclude(view: QueueView, item: Item, seat: Seat | null, claiming: Promise<ClaimOutcome>): Promise<void> {
    try {
      const outcome = await claiming;
      if (outcome.kind === 'claimed') {
        this.#caution.onClaimed();
        await this.#accept(outcome.claim);
        return;
      }
      if (outcome.kind === 'deferred') view.backlog.defer(item, outcome.untilMs);
      else if (outcome.kind === 'repeated') view.backlog.repeat(item);
      else if (outcome.kind === 'taken' || outcome.kind === 'gone') {
        if (seat === null) this.#caution.onCollision();
        await view.doubt(item);
      }
      if (seat === null || outcome.kind === 'unseated') return;
      await this.#seats.keep(seat, !this.#isEnding);
    } catch (error) {
      if (seat !== null) void giveUp([seat]);
      if (error instanceof UnreadItem) await this.#custody.giveBack(error.claim, true);
      this.#trouble.meet(error instanceof UnreadItem ? error.cause : error, 'claiming an item');
    } finally {
      view.backlog.want(item, false);
      this.#claiming -= 1;
      this.ring();
    }
  }

  async #accept(claim: Claim): Promise<void> {
    const isLate = (): boolean => this.#lapse.signal.aborted || this.#isEnding;
    const delivery = isLate() ? null : await unpack(this.#job, this, claim);
    if (isLate()) await this.#custody.giveBack(delivery?.claim ?? claim, true);
    else if (delivery !== null) this.#custody.take(delivery);
  }

  #lose(reason: HoldLostReason): void {
    this.#lapse.abort(new SessionExpiredError());
    this.#custody.loseAll(reason);
    this.ring();
  }

  #fail(error: unknown): void {
    this.#employer.fail(error);
    void this.end();
  }

  /** Wakes up when the one before in the line has gone, and it is near enough now. */
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
