import { setMaxListeners } from 'node:events';
import { type HoldLostReason, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import { giveUp, type Member, onSessionLapse, persevere } from '@zk-recipes/core/recipe-kit';
import type { AvailableItem, Item } from './backlog.js';
import { Bell } from './bell.js';
import { Caution } from './caution.js';
import { type Claim, type ClaimOutcome, Claims, UnreadItem } from './claims.js';
import { Custody } from './custody.js';
import type { ClaimedDelivery, DeliveryDesk, SettlementVerb } from './delivery.js';
import { isPassing } from './giving-back.js';
import type { Employer, Job } from './job.js';
import type { Store } from './places.js';
import { type Onlooker, QueueView } from './queue-view.js';
import { Seats } from './seats.js';
import { REMOVAL_SIZE, Settlement } from './settlement.js';
import { beyondLine, mustAsk, turnsOf, wantedOf } from './turns.js';
import { unpack } from './unpacking.js';

/** How long nothing is tried after the connection's retries were used up. */
const PAUSE_MS = 1_000;

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
  #view: QueueView | null = null;
  #claiming = 0;
  #pausedUntilMs = 0;
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
    this.#claims = new Claims(job.keeper, job.maxAttempts);
    this.#custody = new Custody(job.keeper, this.#claims, employer);
    this.#seats = new Seats(job.keeper, job.line, this.#lapse.signal);
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
    this.#claiming += 1;
    view.backlog.want(next, true);
    const removal = this.settlement.removal(claim);
    const joint = await this.#claims.claimAfter(removal, REMOVAL_SIZE, next, this.#mayRepeat(next));
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
    this.#report(error, 'watching a queue');
    this.#isBlind = true;
    this.ring();
  }

  get #wanted(): { readonly asked: number; readonly most: number } {
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
    const onFailure = (error: unknown): void => this.#report(error, 'watching a queue');
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
    if (most === 0 && this.#seats.count === 0) {
      this.#bell.ringAt(Number.POSITIVE_INFINITY);
      return;
    }
    const nowMs = Date.now();
    const { lineLength } = view;
    const { items, nextAtMs } = view.backlog.available(lineLength + most + this.#claiming, nowMs);
    const wanted = wantedOf(items, { asked, most, others: lineLength - this.#seats.placed(view).length });
    this.#seats.leaveAllBut(wanted - this.#seats.joining, view);
    let missing = wanted - this.#seats.count;
    const isPaused = this.#pausedUntilMs > nowMs;
    const turns = turnsOf(isPaused ? [] : this.#seats.placed(view), items, nowMs);
    for (const [seat, item] of turns.items) void this.#claim(view, item, seat);
    // Nobody in line is overtaken.
    const free = this.#caution.isDue ? [] : beyondLine(items, lineLength);
    for (; missing > 0 && !isPaused; missing--) {
      const item = free.shift();
      if (item !== undefined) void this.#claim(view, item, null);
      else void this.#join();
    }
    const isIdle = this.#custody.size + this.#claiming === 0;
    this.#isFarBack = isIdle && this.#seats.areFarBack(view, items.length);
    this.#bell.ringAt(isPaused ? this.#pausedUntilMs : Math.min(nextAtMs, turns.nextAtMs));
  }

  async #join(): Promise<void> {
    const joining = this.#seats.join(() => !this.#isEnding);
    await joining.catch((error: unknown) => this.#pauseOrFail(error, 'standing in line'));
    this.ring();
  }

  /** The item that may be claimed without standing in line, if one is wanted. */
  #nextInReach(view: QueueView): AvailableItem | null {
    const nowMs = Date.now();
    if (this.#isEnding || this.#lapse.signal.aborted || this.#caution.isDue || this.#pausedUntilMs > nowMs) return null;
    const { asked, most } = this.#wanted;
    if (most <= this.#seats.count) return null;
    const { items } = view.backlog.available(view.lineLength + this.#claiming + 1, nowMs);
    if (asked <= this.#seats.count && mustAsk(items)) return null;
    return beyondLine(items, view.lineLength)[0] ?? null;
  }

  #claim(view: QueueView, item: AvailableItem, seat: Member | null): Promise<void> {
    this.#claiming += 1;
    if (seat !== null) this.#seats.stake(seat);
    view.backlog.want(item, true);
    return this.#conclude(view, item, seat, this.#claims.claim(item, seat?.path ?? null, this.#mayRepeat(item)));
  }

  /** What may have been claimed ahead, and turns out to be no first time, has to be asked for. */
  #mayRepeat({ isRepeated }: AvailableItem): boolean {
    return isRepeated || !this.#employer.claimsAhead;
  }

  async #conclude(view: QueueView, item: Item, seat: Member | null, claiming: Promise<ClaimOutcome>): Promise<void> {
    try {
      const outcome = await claiming;
      if (outcome.kind === 'claimed') {
        this.#caution.onClaimed();
        await this.#accept(outcome.claim);
        return;
      }
      if (outcome.kind === 'deferred') view.backlog.defer(item, outcome.untilMs);
      else if (outcome.kind === 'repeated') view.backlog.repeat(item);
      else if (outcome.kind !== 'unseated') {
        if (seat === null) this.#caution.onCollision();
        await view.doubt(item);
      }
      if (seat === null || outcome.kind === 'unseated') return;
      await this.#seats.keep(seat, !this.#isEnding);
    } catch (error) {
      if (seat !== null) void giveUp([seat]);
      if (error instanceof UnreadItem) await this.#custody.giveBack(error.claim, true);
      this.#pauseOrFail(error instanceof UnreadItem ? error.cause : error, 'claiming an item');
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

  /** Wakes up when the one before in the line has gone, and it is near enough now. */
  async #sleep(): Promise<void> {
    this.#isFarBack = false;
    this.#bell.silence();
    if (this.#isEnding || this.#wanted.asked !== this.#seats.count) return;
    await this.#bell
      .during(this.#lapse.signal, (signal) => this.#seats.untilNear(signal))
      .catch((error: unknown) => this.#pauseOrFail(error, 'standing in line'));
  }

  #pauseOrFail(error: unknown, operation: string): void {
    if (this.#lapse.signal.aborted || this.keeper.closed) return;
    if (!isPassing(error)) {
      this.#fail(error);
      return;
    }
    if (error instanceof SessionExpiredError) return;
    this.#report(error, operation);
    this.#pausedUntilMs = Date.now() + PAUSE_MS;
  }

  #fail(error: unknown): void {
    this.#employer.fail(error);
    void this.end();
  }

  #report(error: unknown, operation: string): void {
    if (!this.keeper.closed) this.keeper.reportBackgroundError(error, operation, this.#job.line);
  }
}
