import { type CallOptions, ClosedError, HoldLostError, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  checkEnding,
  checkFunction,
  checkOptions,
  checkPlace,
  type EndingOptions,
  type IdentityOptions,
  identityOf,
  type LossPolicy,
  type Member,
  persevere,
  refuseSelfWait,
  runOnBehalfOf,
  signalOf,
  waitForEnding,
} from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { Candidate } from './candidate.js';
import { AlreadyStartedError, NotStartedError } from './errors.js';
import { findLeader, listParticipants, type Participant } from './participants.js';
import { MemberTenure, type Tenure } from './tenure.js';

/*
 * Guarantee
 *   Of all selectors on one path, Curator's included, at most one runs its function with a tenure whose clock is valid at any time. The
 *   leadership ends when the function has ended, never before: the next leader's function does not run beside it, unless the function
 *   continues after its signal has aborted because the session was lost.
 * Not guaranteed
 *   That a function which ignores its signal stops. That a leader paused beyond its session does not begin work: use `guard()` and the
 *   fencing token for that.
 * Znodes
 *   <path>/_c_<uuid>-lock-<number>, ephemeral sequential, its data the id; without one the default data. Curator's LeaderSelector
 *   has the same.
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If no znode is ahead of the own one: lead, from 4.
 *   3. Watch one znode: the one directly ahead. When it is gone list the line again, and go to 2.
 *   4. Run the function with the tenure.
 *   5. Remove the own znode. If the selector is queued again, or always is (autoRequeue): begin again at 1.
 * Failures
 *   the failures of the LeaderLatch, and:
 *   the function throws           a backgroundError; then step 5, and with autoRequeue step 1 after a pause of 50 ms to 2 s
 *   interrupted, once or often    the signal aborts; the znode stays until the function has ended
 *   interrupted before step 4     the function is not run; the place in the line is kept
 *   session expires in office     the signal has aborted before; when the function has ended, step 5
 */

const MARKER = 'lock-';

/** Options of a `LeaderSelector`. */
export interface LeaderSelectorOptions extends IdentityOptions {
  /** Whether the selector becomes a candidate again whenever its function has ended. Default false. */
  readonly autoRequeue?: boolean | undefined;
  /** Reaction to a lost connection. Default `session`: leadership survives a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** Function of a leader. The leadership lasts until the promise settles, so the promise must settle when `tenure.signal` aborts. */
export type TakeLeadership = (tenure: Tenure) => Promise<void> | void;

const schema = z.strictObject({
  id: z.optional(z.string()),
  data: z.optional(z.union([z.string(), z.instanceof(Uint8Array), z.null()])),
  autoRequeue: z.optional(z.boolean()),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
});

/**
 * Runs a function while this candidate leads, and gives leadership up when the function has ended.
 *
 * @see org.apache.curator.framework.recipes.leader.LeaderSelector
 */
export class LeaderSelector {
  /** Path of the election. */
  readonly path: string;
  /** Id of this candidate, as other participants see it. */
  readonly id: string;
  readonly #keeper: Keeper;
  readonly #candidate: Candidate;
  readonly #lossPolicy: LossPolicy;
  readonly #autoRequeue: boolean;
  readonly #takeLeadership: TakeLeadership;
  #state: 'latent' | 'started' | 'closed' = 'latent';
  /** Current round; `null` between rounds. */
  #round: Promise<void> | null = null;
  #requeued = false;
  /** Tenure of the current round, kept until the round is over. After the function has ended, a further candidacy needs another round. */
  #tenure: MemberTenure | null = null;
  /** Settles when the function has ended; settled while the function does not run. */
  #working: Promise<void> = Promise.resolve();

  /** @throws {TypeError} when an argument is wrong; the message names the argument */
  constructor(keeper: Keeper, path: string, takeLeadership: TakeLeadership, options: LeaderSelectorOptions = {}) {
    const unlimited = checkPlace(keeper, path);
    checkFunction('takeLeadership', takeLeadership);
    checkOptions('LeaderSelector', schema, options);
    this.path = path;
    this.#keeper = unlimited;
    this.#takeLeadership = takeLeadership;
    const { id, data } = identityOf(options);
    this.id = id;
    this.#autoRequeue = options.autoRequeue ?? false;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    this.#candidate = new Candidate(unlimited, path, { marker: MARKER, data });
  }

  /** Whether the function runs with a tenure that is certainly valid; the property checks the clock at each call. */
  get isLeader(): boolean {
    return this.#tenure?.state === 'held';
  }

  /** State of the selector: `latent` before `start`, `started` until `close`, then `closed`. */
  get state(): 'latent' | 'started' | 'closed' {
    return this.#state;
  }

  /**
   * Becomes a candidate, in the background. Errors become `backgroundError` events of the `Keeper`, and the selector tries again.
   *
   * @throws {AlreadyStartedError} when the selector is already started
   * @throws {ClosedError} when the selector is closed
   */
  start(): void {
    if (this.#state === 'closed') throw new ClosedError(`selector on ${this.path} is closed`);
    if (this.#state === 'started') throw new AlreadyStartedError(this.path);
    this.#state = 'started';
    this.#begin();
  }

  /**
   * Becomes a candidate once more: now, or when the current round is over.
   *
   * @returns false if the selector is a candidate already, or already queued again
   * @throws {NotStartedError} when the selector is not started
   * @throws {ClosedError} when the selector is closed
   */
  requeue(): boolean {
    if (this.#state === 'closed') throw new ClosedError(`selector on ${this.path} is closed`);
    if (this.#state === 'latent') throw new NotStartedError(this.path);
    if (this.#round === null) {
      this.#begin();
      return true;
    }
    // While the selector waits for its turn, it is a candidate already.
    if (this.#tenure === null || this.#requeued) return false;
    this.#requeued = true;
    return true;
  }

  /** Asks the function to end, through the tenure's signal. Does nothing while the selector does not lead. */
  interruptLeadership(): void {
    this.#tenure?.interrupt();
  }

  /** Lists all candidates, of every process and language, the leader first. */
  async participants(options: CallOptions = {}): Promise<Participant[]> {
    const signal = signalOf('participants of LeaderSelector', options);
    return await listParticipants(this.#keeper.limited, this.path, MARKER, signal);
  }

  /** Returns the first candidate in the line; `null` if there is none. */
  async leader(options: CallOptions = {}): Promise<Participant | null> {
    const signal = signalOf('leader of LeaderSelector', options);
    return await findLeader(this.#keeper.limited, this.path, MARKER, signal);
  }

  /**
   * Interrupts the function and leaves the election. Resolves when the function has ended, and the znode is gone or certain to go.
   * Idempotent; never rejects, except when called and awaited inside its own function. Remaining work becomes a `backgroundError` with
   * the operation `left behind`.
   *
   * @param options.timeoutMs longest wait for the delete after the function has ended, in milliseconds: default 2,000, from 0 to 2^31-1.
   *   Without a connection `close` does not wait
   * @throws {SelfWaitError} when awaited inside its own function, for which `close` waits; the selector is closed all the same
   */
  close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    this.#state = 'closed';
    this.#candidate.leave();
    this.interruptLeadership();
    return refuseSelfWait(this, 'close() of LeaderSelector', this.#untilClosed(timeoutMs));
  }

  /** Closes the selector like `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #untilClosed(timeoutMs: number): Promise<void> {
    const round = this.#round ?? Promise.resolve();
    const left = round.then(() => this.#candidate.left());
    // The time limit applies only to the work with the server, not to the function.
    await Promise.race([this.#working, left]);
    await waitForEnding(this.#keeper, () => [this.#candidate.placePath], left, timeoutMs);
  }

  #begin(): void {
    this.#requeued = false;
    const round = async (): Promise<void> => {
      this.#tenure = null;
      const member = await this.#candidate.enrol(); //                                            step 1
      await this.#candidate.stand(member, (elected) => this.#lead(elected)); //                   steps 2, 3, 5
    };
    const onFailure = (error: unknown): void => {
      // The connection state already reports a lost session. A hold lost before the function ran has no effect for the caller.
      const isTold = error instanceof FailedFunction || error instanceof SessionExpiredError;
      if (!(isTold || error instanceof HoldLostError)) this.#report(error);
    };
    this.#round = persevere(this.#keeper, round, { signal: this.#candidate.leaving, onFailure })
      // Only the selector's own end or that of the `Keeper` makes `persevere` reject, and neither is an error.
      .catch(() => {})
      .then(() => this.#afterRound());
  }

  #afterRound(): void {
    this.#round = null;
    this.#tenure = null;
    const again = this.#requeued || this.#autoRequeue;
    if (again && this.#state === 'started' && !this.#keeper.closed) this.#begin();
  }

  /**
   * Runs the function with the tenure: step 4.
   *
   * @throws {FailedFunction} when the selector is to become a candidate again, after a pause as after any failure
   */
  async #lead(member: Member): Promise<void> {
    const tenure = new MemberTenure(member, this.id, this.#lossPolicy);
    // If the clock ran out during the wait, the selector is not elected and begins again.
    tenure.signal.throwIfAborted();
    this.#tenure = tenure;
    const working = runOnBehalfOf(this, () => this.#takeLeadership(tenure));
    this.#working = working.catch(() => {});
    try {
      await working;
    } catch (error) {
      // A function may stop by throwing the signal's reason; that is not a failure.
      if (tenure.signal.aborted && error === tenure.signal.reason) return;
      this.#report(error);
      if (!this.#autoRequeue && !this.#requeued) return;
      this.#requeued = false;
      throw new FailedFunction();
    } finally {
      // The end of the round removes the znode.
      tenure.interrupt('released');
    }
  }

  #report(error: unknown): void {
    this.#keeper.reportBackgroundError(error, 'LeaderSelector', this.path);
  }
}

/** Failure of the function that was already reported; it only causes the pause. Never leaves this file. */
class FailedFunction extends Error {}
