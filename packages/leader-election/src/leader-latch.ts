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
 *   Of all latches on one path, Curator's included, at most one has a tenure whose clock is valid at any time. The fencing tokens of
 *   tenures grow. A tenure's signal aborts before another latch can be elected. Until it is closed, a latch remains a candidate,
 *   through lost connections and lost sessions.
 * Not guaranteed
 *   That the first candidate in the line knows of its leadership, or is alive: a crashed leader is first until its session has timed out.
 *   That the code of a leader that was paused beyond its session stops: use `guard()` and the fencing token for that.
 * Znodes
 *   <path>/_c_<uuid>-latch-<number>, ephemeral sequential, its data the id. Curator's LeaderLatch has the same.
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If no znode is ahead of the own one: lead, from 4.
 *   3. Watch one znode: the one directly ahead. When it is gone list the line again, and go to 2.
 *   4. Lead until the tenure ends: released, or lost by its clock, its session or its znode.
 *   5. Remove the own znode, and begin again at 1, unless closed.
 * Failures
 *   reply to the create lost      found again by its uuid; of another session: removed, created anew
 *   session expires in the line   SessionExpiredError ends the round; back to 1 in the new session
 *   session expires in office     the tenure's clock has run out before; back to 1
 *   disconnected in the line      the place is kept; watches are set again on reconnect, and report missed changes
 *   disconnected in office        the tenure stands while its clock runs (or ends at once: lossPolicy 'connection')
 *   own znode deleted             in the line: NoNodeError at the next look; in office: the tenure is lost; back to 1
 *   predecessor leaves or dies    only its follower is woken
 *   path removed, container reaped  the create makes it again
 *   closed at any point           waiting ends; the znode is removed, in the background or by the session's end if necessary
 *   removal refused               the background continues until the server permits it; close() resolves
 */

const MARKER = 'latch-';

/** Options of a `LeaderLatch`. */
export interface LeaderLatchOptions extends IdentityOptions {
  /** Reaction to a lost connection. Default `session`: leadership survives a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/**
 * Events of a latch, each with the value that its listeners receive. An error that a listener throws becomes a `backgroundError` of the
 * `Keeper`.
 */
export interface LeaderLatchEvents {
  /** Election of this latch. */
  readonly leader: Tenure;
  /** End of its leadership. The tenure's signal has aborted just before, with this very reason. */
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

/**
 * Candidate that remains in the election until it is closed, and leads whenever it is first in the line.
 *
 * @see org.apache.curator.framework.recipes.leader.LeaderLatch
 */
export class LeaderLatch {
  /** Path of the election. */
  readonly path: string;
  /** Id of this candidate. */
  readonly id: string;
  readonly #keeper: Keeper;
  readonly #candidate: Candidate;
  readonly #lossPolicy: LossPolicy;
  /** Listeners. The internal event `ended` means that no further tenure begins, unless the latch is started again. */
  readonly #listeners: EventListeners<LeaderLatchEvents & { readonly ended: undefined }>;
  #phase: Phase = { name: 'latent' };
  #tenure: MemberTenure | null = null;

  /** @throws {TypeError} when an argument is wrong; the message names the argument */
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

  /** Whether this latch certainly leads; the property checks the clock at each call. */
  get isLeader(): boolean {
    return this.#tenure?.state === 'held';
  }

  /** Current tenure; `null` while the latch does not lead. */
  get tenure(): Tenure | null {
    return this.isLeader ? this.#tenure : null;
  }

  /** State of the latch: `latent` before `start`, `started` until `close`, then `closed`. */
  get state(): 'latent' | 'started' | 'closed' {
    if (this.#phase.name === 'latent' || this.#phase.name === 'closed') return this.#phase.name;
    return 'started';
  }

  /**
   * Joins the election; resolves when the znode of this latch stands in the line. From then on the latch remains a candidate until it is
   * closed. Errors become `backgroundError` events of the `Keeper`, and the latch tries again.
   *
   * @throws {AlreadyStartedError} when the latch is already started
   * @throws {ClosedError} when the latch is closed
   * @throws the error of the create; the latch is then as before
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
      // Awaited only here, so that the stack of its error has the caller's frames.
      await this.#join();
    } finally {
      ended();
    }
  }

  /**
   * Resolves with the current tenure, or with the next one as soon as the latch leads.
   *
   * @throws {NotStartedError} when the latch is not started
   * @throws {ClosedError} when the latch is closed
   * @throws the signal's reason
   */
  async awaitLeadership(options: CallOptions = {}): Promise<Tenure> {
    const signal = signalOf('awaitLeadership of LeaderLatch', options);
    const tenure = await this.#nextTenure(null, signal);
    if (tenure === null) throw new ClosedError(`latch on ${this.path} is closed`);
    return tenure;
  }

  /**
   * Iterates over the tenures from the current one on, until the latch is closed. Leaves out a tenure that has ended before the caller
   * asks for it.
   */
  async *tenures(options: CallOptions = {}): AsyncGenerator<Tenure, void, void> {
    const signal = signalOf('tenures of LeaderLatch', options);
    for (let last: Tenure | null = null; ; ) {
      last = await this.#nextTenure(last, signal);
      if (last === null) return;
      yield last;
    }
  }

  /** Returns the first valid tenure that is not `last`; `null` when no further tenure begins. */
  async #nextTenure(last: Tenure | null, signal: AbortSignal | undefined): Promise<Tenure | null> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#phase.name === 'latent') throw new NotStartedError(this.path);
      if (this.#phase.name === 'closed' || this.#keeper.closed) return null;
      if (this.#tenure !== last && this.isLeader) return this.#tenure;
      await this.#untilNews(signal);
    }
  }

  /** Resolves when a new tenure begins, when no further tenure begins, or when the signal aborts. */
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

  /** Lists all candidates, of every process and language, the leader first. */
  async participants(options: CallOptions = {}): Promise<Participant[]> {
    const signal = signalOf('participants of LeaderLatch', options);
    return await listParticipants(this.#keeper.limited, this.path, MARKER, signal);
  }

  /** Returns the first candidate in the line; `null` if there is none. */
  async leader(options: CallOptions = {}): Promise<Participant | null> {
    const signal = signalOf('leader of LeaderLatch', options);
    return await findLeader(this.#keeper.limited, this.path, MARKER, signal);
  }

  /**
   * Ends the leadership at once and leaves the election. Resolves when the znode is gone, or certain to go. Idempotent; never rejects:
   * remaining work becomes a `backgroundError` with the operation `left behind`.
   *
   * @param options.timeoutMs longest wait for the delete, in milliseconds: default 2,000, from 0 to 2^31-1. Without a connection `close`
   *   does not wait
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    await waitForEnding(this.#keeper, () => [this.#candidate.placePath], this.#beginClosing(), timeoutMs);
  }

  /** Closes the latch like `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Begins to leave the election.
   *
   * @returns promise that resolves when the latch has left
   */
  #beginClosing(): Promise<void> {
    const phase = this.#phase;
    if (phase.name === 'closed') return phase.done;
    const under = phase.name === 'latent' ? Promise.resolve() : phase.done;
    const done = under.finally(() => this.#candidate.left());
    this.#phase = { name: 'closed', done };
    this.#candidate.leave();
    this.#listeners.tell('ended', undefined);
    // The end of the tenure stops the leader's work before the znode is removed.
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
      // Wakes callers that already await leadership.
      this.#listeners.tell('ended', undefined);
      throw error;
    }
  }

  /** Repeats terms, one after the other, until the latch is closed. */
  async #keepStanding(first: Member): Promise<void> {
    const { leaving } = this.#candidate;
    let member: Member | null = first;
    const term = async (): Promise<void> => {
      const own = member ?? (await this.#candidate.enrol()); //                          step 1
      member = null;
      await this.#candidate.stand(own, (elected) => this.#lead(elected)); //             steps 2, 3, 5
    };
    while (!leaving.aborted && !this.#keeper.closed) {
      // Only the latch's own end or that of the `Keeper` makes `persevere` reject, and neither is an error.
      await persevere(this.#keeper, term, { signal: leaving, onFailure: (error) => this.#onFailure(error) }).catch(
        nothing,
      );
    }
    this.#listeners.tell('ended', undefined);
  }

  /** Leads until the tenure ends: step 4. */
  async #lead(member: Member): Promise<void> {
    const tenure = new MemberTenure(member, this.id, this.#lossPolicy);
    this.#tenure = tenure;
    const { signal } = tenure;
    const over = new Promise<void>((resolve) => {
      follow(signal, resolve);
      follow(signal, () => this.#listeners.tell('notLeader', signal.reason));
    });
    // If the clock ran out during the wait, the latch is not elected. The error makes it begin again after a pause, not at once.
    signal.throwIfAborted();
    this.#listeners.tell('leader', tenure);
    await over;
  }

  /** Reports a failed term. The connection state already reports a lost session, and the tenure, if there was one, a lost hold. */
  #onFailure(error: unknown): void {
    if (!(error instanceof SessionExpiredError || error instanceof HoldLostError)) this.#report(error);
  }

  #report(error: unknown): void {
    this.#keeper.reportBackgroundError(error, 'LeaderLatch', this.path);
  }
}

function nothing(): void {}
