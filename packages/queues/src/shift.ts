import { setMaxListeners } from 'node:events';
import { ConnectionLossError, type HoldLostReason, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  childOf,
  giveUp,
  inSequence,
  type Member,
  memberOf,
  namesIn,
  onSessionLapse,
  persevere,
  untilDeleted,
  withAnySignal,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import { claimPath, type Item } from './backlog.js';
import { Bell } from './bell.js';
import { type Claim, Claims } from './claims.js';
import type { ClaimedDelivery, DeliveryDesk, SettlementVerb } from './delivery.js';
import type { Store } from './places.js';
import { type Onlooker, type Outlook, QueueView, SEAT } from './queue-view.js';
import { ClaimGone, Settlement } from './settlement.js';
import { type UnpackingOptions, unpack } from './unpacking.js';

/** How many, of those who find nothing to do, keep their eyes on the queue; the others sleep behind one another. */
const AWAKE = 3;
/** For how many claims, after one that somebody else was faster to make, everybody stands in line first. */
const CAUTIOUS_CLAIMS = 64;
/** How long nothing is tried after the connection's retries were used up. */
const PAUSE_MS = 1_000;

/** What a consumer works on. */
export interface Job<T> extends Outlook, UnpackingOptions<T> {
  readonly deadLetters: Store;
  readonly maxAttempts: number;
}

/** For whom a shift works. */
export interface Employer<T> {
  /** How many more items are wanted than are on their way. */
  wanted(underWay: number): number;
  deliver(delivery: ClaimedDelivery<T>): void;
  /** A delivery is about to be settled. */
  onSettling(verb: SettlementVerb): void;
  /** That has ended: it is settled, or lost, or as before. */
  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** A delivery that nobody was about to settle is lost. */
  onLost(delivery: ClaimedDelivery<T>): void;
  /** Nothing will come any more. */
  fail(error: unknown): void;
}

/** The work of a consumer in one session. */
export class Shift<T> implements DeliveryDesk, Onlooker {
  readonly keeper: Keeper;
  readonly settlement: Settlement;
  readonly #job: Job<T>;
  readonly #employer: Employer<T>;
  readonly #epoch: number;
  readonly #claims: Claims;
  readonly #lapse = new AbortController();
  readonly #bell = new Bell();
  readonly #held = new Map<string, ClaimedDelivery<T>>();
  #view: QueueView | null = null;
  #seats: Member[] = [];
  #joining = 0;
  #claiming = 0;
  #caution = 0;
  #pausedUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #isBlind = false;
  #isFarBack = false;

  constructor(job: Job<T>, employer: Employer<T>) {
    this.keeper = job.keeper;
    this.#job = job;
    this.#employer = employer;
    this.#epoch = job.keeper.sessionEpoch;
    this.#claims = new Claims(job.keeper, job.maxAttempts);
    // All that is under way ends with the session, and may be more than the ten for which Node warns.
    setMaxListeners(0, this.#lapse.signal);
    this.settlement = new Settlement(job.keeper, this.#lapse.signal);
  }

  get deadLetters(): Store {
    return this.#job.deadLetters;
  }
  get maxAttempts(): number {
    return this.#job.maxAttempts;
  }

  /** Works until the session may be over, or until `end` was called and all is settled. */
  async run(): Promise<void> {
    const cancel = onSessionLapse(this.keeper, this.#epoch, (reason) => this.#lose(reason));
    try {
      while (!this.#isOver) {
        const view = await this.#open();
        if (view === null) break;
        this.#view = view;
        await this.#work().finally(() => {
          this.#view = null;
          view.close();
        });
        if (!this.#isOver && !this.#isBlind) await this.#sleep();
      }
    } finally {
      cancel();
      clearTimeout(this.#timer);
      await giveUp(this.#seats.splice(0));
    }
  }

  /** Takes no more items. What is held can still be settled. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.ring();
    await giveUp(this.#seats.splice(0));
  }

  /** Looks whether there is something to do. */
  ring(): void {
    this.#bell.ring();
  }

  /** Looks at once, so that what is sent leaves with what the caller sends. */
  look(): void {
    if (this.#view !== null && !this.#isOver) this.#step(this.#view);
  }

  /** An item that nobody has seen goes back as if it had never been claimed. */
  async return(delivery: ClaimedDelivery<T>): Promise<void> {
    this.#held.delete(claimPath(delivery.claim.item));
    await this.#giveBack(delivery.claim, true);
    this.ring();
  }

  onSettling(verb: SettlementVerb): void {
    this.#employer.onSettling(verb);
    this.look();
  }

  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void {
    if (delivery.state !== 'held') this.#held.delete(claimPath(delivery.claim.item));
    this.#employer.onSettled(delivery, verb);
    this.ring();
  }

  onChange(): void {
    this.ring();
  }

  onUnclaimed(store: Store, name: string): void {
    const delivery = this.#held.get(claimPath({ store, name }));
    if (delivery === undefined || delivery.isSettling) return;
    this.#held.delete(claimPath(delivery.claim.item));
    delivery.lose('deleted');
    this.#employer.onLost(delivery);
  }

  onFailure(error: unknown): void {
    this.#report(error, 'watching a queue');
    this.#isBlind = true;
    this.ring();
  }

  get #isOver(): boolean {
    const isIdle = this.#held.size + this.#claiming + this.#joining === 0;
    return this.#lapse.signal.aborted || (this.#isEnding && isIdle);
  }

  async #open(): Promise<QueueView | null> {
    this.#isBlind = false;
    const { signal } = this.#lapse;
    const onFailure = (error: unknown): void => this.#report(error, 'watching a queue');
    try {
      return await persevere(this.keeper, () => this.#tryToOpen(signal), { signal, onFailure });
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async #tryToOpen(signal: AbortSignal): Promise<QueueView | null> {
    try {
      return await QueueView.open(this.#job, this, signal);
    } catch (error) {
      if (isPassing(error) || signal.aborted) throw error;
      this.#fail(error);
      return null;
    }
  }

  async #work(): Promise<void> {
    while (!this.#isOver && !this.#isBlind && !this.#isFarBack) {
      this.look();
      if (!this.#isOver && !this.#isFarBack) await this.#bell.wait();
    }
  }

  /** Whoever is the nth in line takes the nth item that is to be had, so that no two want the same. */
  #step(view: QueueView): void {
    const wanted = this.#isEnding ? 0 : Math.max(0, this.#employer.wanted(this.#claiming));
    this.#leaveSeats(view, wanted - this.#joining);
    const nowMs = Date.now();
    const { lineLength } = view;
    const { items, nextAtMs } = view.backlog.available(lineLength + wanted, nowMs);
    let missing = wanted - this.#joining - this.#seats.length;
    const isPaused = this.#pausedUntilMs > nowMs;
    for (const seat of isPaused ? [] : [...this.#seats]) {
      const item = items[view.positionOf(seat.name) ?? Number.POSITIVE_INFINITY];
      if (item !== undefined) void this.#claim(view, item, seat);
    }
    // Nobody in line is overtaken.
    for (let place = lineLength; missing > 0 && !isPaused; missing--, place++) {
      const item = this.#caution > 0 ? undefined : items[place];
      if (item !== undefined) void this.#claim(view, item, null);
      else void this.#join();
    }
    this.#isFarBack = this.#standsFarBack(view, items.length);
    this.#lookAgainAt(isPaused ? this.#pausedUntilMs : nextAtMs, nowMs);
  }

  /** Leaves places in line for which there is no need any more, the last ones first. */
  #leaveSeats(view: QueueView, needed: number): void {
    if (this.#seats.length <= needed) return;
    const position = ({ name }: Member): number => view.positionOf(name) ?? Number.POSITIVE_INFINITY;
    this.#seats.sort((one, other) => position(one) - position(other));
    void giveUp(this.#seats.splice(Math.max(0, needed)));
  }

  #standsFarBack(view: QueueView, available: number): boolean {
    if (this.#seats.length === 0 || this.#held.size + this.#claiming + this.#joining > 0) return false;
    return this.#seats.every(({ name }) => (view.positionOf(name) ?? 0) > available + AWAKE);
  }

  #lookAgainAt(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer);
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.ring(), Math.min(Math.max(1, atMs - nowMs), 2 ** 31 - 1));
  }

  async #join(): Promise<void> {
    this.#joining += 1;
    try {
      const { keeper } = this;
      const create = keeper.create().creatingParents().withMode('EPHEMERAL_SEQUENTIAL').withProtection().withStat();
      const created = await create.forPath(childOf(this.#job.line, SEAT), undefined, { signal: this.#lapse.signal });
      const seat = memberOf(keeper, created);
      if (this.#isEnding || this.#lapse.signal.aborted) await giveUp([seat]);
      else this.#seats.push(seat);
    } catch (error) {
      this.#pauseOrFail(error, 'standing in line', this.#job.line);
    } finally {
      this.#joining -= 1;
      this.ring();
    }
  }

  async #claim(view: QueueView, item: Item, seat: Member | null): Promise<void> {
    this.#claiming += 1;
    if (seat !== null) this.#seats = this.#seats.filter((one) => one !== seat);
    view.backlog.want(item, true);
    try {
      const outcome = await this.#claims.claim(item, seat?.path ?? null);
      if (outcome.kind === 'claimed') {
        this.#caution = Math.max(0, this.#caution - 1);
        await this.#accept(outcome.claim);
        return;
      }
      if (outcome.kind === 'deferred') view.backlog.defer(item, outcome.untilMs);
      else if (outcome.kind !== 'unseated') await this.#lookCloser(view, item, seat === null);
      if (seat === null || outcome.kind === 'unseated') return;
      if (this.#isEnding || this.#lapse.signal.aborted) await giveUp([seat]);
      else this.#seats.push(seat);
    } catch (error) {
      if (seat !== null) void giveUp([seat]);
      this.#pauseOrFail(error, 'claiming an item', this.#job.line);
    } finally {
      view.backlog.want(item, false);
      this.#claiming -= 1;
      this.ring();
    }
  }

  /** Somebody was faster, which is about to be told; unless what is known is wrong. */
  async #lookCloser(view: QueueView, item: Item, isDirect: boolean): Promise<void> {
    if (isDirect) this.#caution = CAUTIOUS_CLAIMS;
    if (view.backlog.isThere(item)) await view.renew(item);
  }

  async #accept(claim: Claim): Promise<void> {
    const { signal } = this.#lapse;
    const delivery = signal.aborted || this.#isEnding ? null : await unpack(this.#job, this, claim);
    if (delivery !== null && !signal.aborted && !this.#isEnding) {
      this.#held.set(claimPath(claim.item), delivery);
      this.#employer.deliver(delivery);
    } else if (delivery !== null || signal.aborted || this.#isEnding) {
      await this.#giveBack(delivery?.claim ?? claim, true);
    }
  }

  /** Gives a claim back as long as its session lives, which may be longer than is certain. */
  async #giveBack(claim: Claim, isUnseen: boolean): Promise<void> {
    const isCounted = isUnseen && !claim.isExhausted;
    const change = isCounted ? { attempts: claim.record.attempts - 1 } : {};
    try {
      await withinSession(this.keeper, claim.epoch, undefined, (signal) =>
        new Settlement(this.keeper, signal).giveBack(claim, change),
      );
    } catch (error) {
      const isOver = error instanceof ClaimGone || isPassing(error);
      if (isOver && isUnseen) await this.#claims.uncount(claim);
      if (!isOver && !this.keeper.closed) this.#report(error, 'giving an item back');
    }
  }

  #lose(reason: HoldLostReason): void {
    this.#lapse.abort(new SessionExpiredError());
    for (const delivery of this.#held.values()) {
      delivery.lose(reason);
      if (!delivery.isSettling) this.#employer.onLost(delivery);
      void this.#giveBack(delivery.claim, false);
    }
    this.#held.clear();
    this.ring();
  }

  /** Wakes up when the one before in the line has gone, and it is near enough now. */
  async #sleep(): Promise<void> {
    this.#isFarBack = false;
    const woken = new AbortController();
    const waking = this.#bell.wait().then(() => woken.abort());
    const { line } = this.#job;
    try {
      await withAnySignal([this.#lapse.signal, woken.signal], async (signal) => {
        for (;;) {
          const names = inSequence(await namesIn(this.keeper, line, { signal }), SEAT);
          const position = names.findIndex((name) => this.#seats.some((seat) => seat.name === name));
          const before = names[position - 1];
          if (position <= AWAKE || before === undefined) return;
          await untilDeleted(this.keeper, childOf(line, before), { signal: signal as AbortSignal });
        }
      });
    } catch (error) {
      if (!this.#lapse.signal.aborted && !woken.signal.aborted) this.#pauseOrFail(error, 'standing in line', line);
    } finally {
      this.ring();
      await waking;
    }
  }

  #pauseOrFail(error: unknown, operation: string, path: string): void {
    if (this.#lapse.signal.aborted || this.keeper.closed) return;
    if (!isPassing(error)) {
      this.#fail(error);
      return;
    }
    if (error instanceof SessionExpiredError) return;
    this.#report(error, operation, path);
    this.#pausedUntilMs = Date.now() + PAUSE_MS;
  }

  #fail(error: unknown): void {
    this.#employer.fail(error);
    void this.end();
  }

  #report(error: unknown, operation: string, path: string = this.#job.line): void {
    if (!this.keeper.closed) this.keeper.reportBackgroundError(error, operation, path);
  }
}

/** Whether it may go well another time, by itself. */
function isPassing(error: unknown): boolean {
  return error instanceof ConnectionLossError || error instanceof SessionExpiredError;
}
