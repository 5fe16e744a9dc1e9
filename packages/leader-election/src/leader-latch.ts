import { type CallOptions, ClosedError, HoldLostError, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  checkEnding,
  checkOptions,
  checkPlace,
  type EndingOptions,
  EventListeners,
  follow,
  type IdentityOptions,
  identityOf,
  type LossPolicy,
  type Member,
  persevere,
  signalOf,
  unfollow,
  waitForEnding,
} from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { Candidate } from './candidate.js';
import { AlreadyStartedError, NotStartedError } from './errors.js';
import { findLeader, listParticipants, type Participant } from './participants.js';
import { MemberTenure, type Tenure } from './tenure.js';

/*
 * Guarantee
 *   Of all latches on one path, Curator's included, at most one has a tenure whose clock is valid at any time. Tenures' fencing
 *   tokens grow. A tenure's signal aborts before another latch can be elected. Until it is closed, a latch stays a candidate,
 *   through lost connections and lost sessions.
 * Not guaranteed
 *   That the first in the line knows of it, or is alive: a crashed leader is first until its session has timed out. That code of a
 *   leader which was paused beyond its session does not run once more: `guard()` and the fencing token are for that.
 * Znodes
 *   <path>/_c_<uuid>-latch-<number>, ephemeral sequential, its data the id. Curator's LeaderLatch has the same.
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If nobody stands before the own znode: lead, from 4.
 *   3. Watch the znode directly before the own one, only that; when it is gone list the line again, and go to 2.
 *   4. Lead until the tenure ends: released, or lost by its clock, its session or its znode.
 *   5. Remove the own znode, and begin again at 1, unless closed.
 * Failures
 *   reply to the create lost      found again by its uuid; of another session: removed, created anew
 *   session expires in the line   SessionExpiredError ends the round; back to 1 in the new session
 *   session expires in office     the tenure's clock has run out before; back to 1
 *   disconnected in the line      the place is kept; watches are set again on reconnect, which tells what was missed
 *   disconnected in office        the tenure stands while its clock runs (or ends at once: lossPolicy 'connection')
 *   own znode deleted             in the line: NoNodeError at the next look; in office: the tenure is lost; back to 1
 *   predecessor leaves or dies    its follower alone is woken
 *   path removed, container reaped  the create makes it again
 *   closed at any point           waiting ends; the znode is removed, if need be in the background or by the session's end
 *   removal refused               the background goes on until it is permitted; close() resolves
 */

const MARKER = 'latch-';

/** How a latch is made. */
export interface LeaderLatchOptions extends IdentityOptions {
  /** Default `session`: leadership stands through a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** Events of a latch and what their listeners are given. What a listener throws is a `backgroundError` of the `Keeper`. */
export interface LeaderLatchEvents {
  /** It has been elected. */
  readonly leader: Tenure;
  /** It leads no more; the tenure's signal has aborted just before, with this very reason. */
  readonly notLeader: HoldLostError;
}

const schema = z.strictObject({
  id: z.optional(z.string()),
  data: z.optional(z.union([z.string(), z.instanceof(Uint8Array), z.null()])),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
});

type Phase =
  | { readonly name: 'latent' }
  | { readonly name: 'starting'; readonly done: Promise<void> }
  | { readonly name: 'standing'; readonly done: Promise<void> }
  | { readonly name: 'closed'; readonly done: Promise<void> };

/** A candidate for as long as it is open: leads whenever it is its turn. @see org.apache.curator.framework.recipes.leader.LeaderLatch */
export class LeaderLatch {
  /** Path of the election. */
  readonly path: string;
  /** Who it is. */
  readonly id: string;
  readonly #keeper: Keeper;
  readonly #candidate: Candidate;
  readonly #lossPolicy: LossPolicy;
  /** `ended`: there will be no tenure any more, unless it is started again. */
  readonly #listeners: EventListeners<LeaderLatchEvents & { readonly ended: undefined }>;
  #phase: Phase = { name: 'latent' };
  #tenure: MemberTenure | null = null;

  /** @throws TypeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: LeaderLatchOptions = {}) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('LeaderLatch', schema, options);
    this.path = path;
    const { id, data } = identityOf(options);
    this.id = id;
    this.#keeper = unlimited;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    this.#candidate = new Candidate(unlimited, path, { marker: MARKER, data });
    const report = (error: unknown): void => keeper.reportBackgroundError(error, 'listener of a LeaderLatch', path);
    this.#listeners = new EventListeners(['leader', 'notLeader', 'ended'], report);
  }

  /** Whether it leads, beyond doubt: the clock is asked now. */
  get isLeader(): boolean {
    return this.#tenure?.state === 'held';
  }

  /** The present tenure, `null` while it does not lead. */
  get tenure(): Tenure | null {
    return this.isLeader ? this.#tenure : null;
  }

  /** `latent` before `start`, `started` until `close`. */
  get state(): 'latent' | 'started' | 'closed' {
    if (this.#phase.name === 'latent' || this.#phase.name === 'closed') return this.#phase.name;
    return 'started';
  }

  /**
   * Joins the election; resolves when its znode stands in the line. From then on it stays a candidate until it is closed: errors go to the
   * `backgroundError` event of the `Keeper`, and it tries again.
   *
   * @throws AlreadyStartedError; ClosedError if it was closed; what the create throws, and the latch is as before
   */
  async start(): Promise<void> {
    if (this.#phase.name === 'closed') throw new ClosedError(`latch on ${this.path} is closed`);
    if (this.#phase.name !== 'latent') throw new AlreadyStartedError(this.path);
    let ended = nothing;
    const done = new Promise<void>((resolve) => {
      ended = resolve;
    });
    this.#phase = { name: 'starting', done };
    try {
      // Awaited here alone, so that the stack of its error has the caller's frames.
      await this.#join();
    } finally {
      ended();
    }
  }

  /**
   * Resolves with the tenure as soon as it leads, or with the present one.
   *
   * @throws NotStartedError; ClosedError when it is closed; the signal's reason
   */
  async awaitLeadership(options: CallOptions = {}): Promise<Tenure> {
    const signal = signalOf('awaitLeadership of LeaderLatch', options);
    const tenure = await this.#nextTenure(null, signal);
    if (tenure === null) throw new ClosedError(`latch on ${this.path} is closed`);
    return tenure;
  }

  /** Each tenure from the present one on, until the latch is closed. One that has ended before it is asked for is left out. */
  async *tenures(options: CallOptions = {}): AsyncGenerator<Tenure, void, void> {
    const signal = signalOf('tenures of LeaderLatch', options);
    for (let last: Tenure | null = null; ; ) {
      last = await this.#nextTenure(last, signal);
      if (last === null) return;
      yield last;
    }
  }

  /** The first tenure that stands and is not `last`; `null` once there will be none. */
  async #nextTenure(last: Tenure | null, signal: AbortSignal | undefined): Promise<Tenure | null> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#phase.name === 'latent') throw new NotStartedError(this.path);
      if (this.#phase.name === 'closed' || this.#keeper.closed) return null;
      if (this.#tenure !== last && this.isLeader) return this.#tenure;
      await this.#untilNews(signal);
    }
  }

  /** Resolves when there is a new tenure, when there will be none, or when the signal aborts. */
  #untilNews(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#listeners.remove('leader', wake);
        this.#listeners.remove('ended', wake);
        unfollow(signal, wake);
        resolve();
      };
      this.#listeners.add('leader', wake);
      this.#listeners.add('ended', wake);
      follow(signal, wake);
    });
  }

  /** Adds a listener. */
  on<Name extends keyof LeaderLatchEvents>(event: Name, listener: (value: LeaderLatchEvents[Name]) => void): this {
    this.#listeners.add(event, listener);
    return this;
  }

  /** Removes a listener. */
  off<Name extends keyof LeaderLatchEvents>(event: Name, listener: (value: LeaderLatchEvents[Name]) => void): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  /** All candidates, of every process and language, the leader first. */
  async participants(options: CallOptions = {}): Promise<Participant[]> {
    const signal = signalOf('participants of LeaderLatch', options);
    return await listParticipants(this.#keeper.limited, this.path, MARKER, signal);
  }

  /** The candidate that stands first, `null` when there is none. */
  async leader(options: CallOptions = {}): Promise<Participant | null> {
    const signal = signalOf('leader of LeaderLatch', options);
    return await findLeader(this.#keeper.limited, this.path, MARKER, signal);
  }

  /**
   * Steps down at once and leaves the election; resolves when the znode is gone, or certain to go. Idempotent; never rejects: what
   * is left is a `backgroundError` with the operation `left behind`.
   *
   * @param options.timeoutMs how long the delete is waited for: default 2,000, from 0 to 2^31-1. Without a connection nothing is waited for
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    await waitForEnding(this.#keeper, () => [this.#candidate.placePath], this.#beginClosing(), timeoutMs);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @returns resolves when the latch has left the election */
  #beginClosing(): Promise<void> {
    const phase = this.#phase;
    if (phase.name === 'closed') return phase.done;
    const under = phase.name === 'latent' ? Promise.resolve() : phase.done;
    const done = under.finally(() => this.#candidate.left());
    this.#phase = { name: 'closed', done };
    this.#candidate.leave();
    this.#listeners.tell('ended', undefined);
    // Whoever works for the leader stops before the znode goes, which is what the end of the tenure leads to.
    this.#tenure?.interrupt('released');
    return done;
  }

  async #join(): Promise<void> {
    try {
      const member = await this.#candidate.enrol();
      if (this.state === 'closed') {
        await member.withdraw().catch(nothing);
        throw new ClosedError(`latch on ${this.path} is closed`);
      }
      this.#phase = { name: 'standing', done: this.#keepStanding(member) };
    } catch (error) {
      if (this.state !== 'closed') this.#phase = { name: 'latent' };
      // For those who await leadership already.
      this.#listeners.tell('ended', undefined);
      throw error;
    }
  }

  /** Terms, one after the other, until it is closed. */
  async #keepStanding(first: Member): Promise<void> {
    const { leaving } = this.#candidate;
    let member: Member | null = first;
    const term = async (): Promise<void> => {
      const own = member ?? (await this.#candidate.enrol()); //                          step 1
      member = null;
      await this.#candidate.stand(own, (elected) => this.#lead(elected)); //             steps 2, 3, 5
    };
    while (!leaving.aborted && !this.#keeper.closed) {
      // Only its own end or that of the `Keeper` makes it reject, and that is no error.
      await persevere(this.#keeper, term, { signal: leaving, onFailure: (error) => this.#onFailure(error) }).catch(
        nothing,
      );
    }
    this.#listeners.tell('ended', undefined);
  }

  /** Step 4. */
  async #lead(member: Member): Promise<void> {
    const tenure = new MemberTenure(member, this.id, this.#lossPolicy);
    this.#tenure = tenure;
    const { signal } = tenure;
    const over = new Promise<void>((resolve) => {
      follow(signal, resolve);
      follow(signal, () => this.#listeners.tell('notLeader', signal.reason));
    });
    // The clock ran out while it waited: not elected after all, and to begin anew after a pause, not at once.
    signal.throwIfAborted();
    this.#listeners.tell('leader', tenure);
    await over;
  }

  /** Of a lost session the state tells, of a lost hold the tenure, if there was one. */
  #onFailure(error: unknown): void {
    if (!(error instanceof SessionExpiredError || error instanceof HoldLostError)) this.#report(error);
  }

  #report(error: unknown): void {
    this.#keeper.reportBackgroundError(error, 'LeaderLatch', this.path);
  }
}

function nothing(): void {}
