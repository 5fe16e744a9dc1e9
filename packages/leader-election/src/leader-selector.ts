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
 *   leadership ends when the function has ended, never before: who comes next does not run beside it, unless the function
 *   goes on after its signal has aborted because the session was lost.
 * Not guaranteed
 *   That a function which ignores its signal stops. That work of a leader paused beyond its session is not begun: `guard()` and
 *   the fencing token are for that.
 * Znodes
 *   <path>/_c_<uuid>-lock-<number>, ephemeral sequential, its data the id; without one the default data. Curator's LeaderSelector
 *   has the same.
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If nobody stands before the own znode: lead, from 4.
 *   3. Watch the znode directly before the own one, only that; when it is gone list the line again, and go to 2.
 *   4. Run the function with the tenure.
 *   5. Remove the own znode. If it is queued again, or always is (autoRequeue): begin again at 1.
 * Failures
 *   as those of the LeaderLatch; besides
 *   the function throws           a backgroundError; then step 5, and with autoRequeue step 1 after a pause of 50 ms to 2 s
 *   interrupted, once or often    the signal aborts; the znode stays until the function has ended
 *   interrupted before step 4     the function is not run; the place in the line is kept
 *   session expires in office     the signal has aborted before; when the function has ended, step 5
 */

const MARKER = 'lock-';

/** How a selector is made. */
export interface LeaderSelectorOptions extends IdentityOptions {
  /** Whether it becomes a candidate again whenever its function has ended. Default false. */
  readonly autoRequeue?: boolean | undefined;
  /** Default `session`: leadership stands through a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** What a leader does. The leadership lasts until the promise settles, so it must when `tenure.signal` aborts. */
export type TakeLeadership = (tenure: Tenure) => Promise<void> | void;

const schema = z.strictObject({
  id: z.optional(z.string()),
  data: z.optional(z.union([z.string(), z.instanceof(Uint8Array), z.null()])),
  autoRequeue: z.optional(z.boolean()),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
});

/** Runs a function while it leads, and gives leadership up when the function has ended. @see org.apache.curator.framework.recipes.leader.LeaderSelector */
export class LeaderSelector {
  /** Path of the election. */
  readonly path: string;
  /** Who it is, as others see it. */
  readonly id: string;
  readonly #keeper: Keeper;
  readonly #candidate: Candidate;
  readonly #lossPolicy: LossPolicy;
  readonly #autoRequeue: boolean;
  readonly #takeLeadership: TakeLeadership;
  #state: 'latent' | 'started' | 'closed' = 'latent';
  /** The round that is under way, `null` between rounds. */
  #round: Promise<void> | null = null;
  #requeued = false;
  /** The round's tenure, kept until the round is over: from the end of its function on, being a candidate takes another round. */
  #tenure: MemberTenure | null = null;
  /** Settles when its function has ended; settled while it does not run. */
  #working: Promise<void> = Promise.resolve();

  /** @throws TypeError for a wrong argument, which it names */
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

  /** Whether its function runs with a tenure that stands beyond doubt: the clock is asked now. */
  get isLeader(): boolean {
    return this.#tenure?.state === 'held';
  }

  /** `latent` before `start`, `started` until `close`. */
  get state(): 'latent' | 'started' | 'closed' {
    return this.#state;
  }

  /**
   * Becomes a candidate, in the background: errors go to the `backgroundError` event of the `Keeper`, and it tries again.
   *
   * @throws AlreadyStartedError; ClosedError if it was closed
   */
  start(): void {
    if (this.#state === 'closed') throw new ClosedError(`selector on ${this.path} is closed`);
    if (this.#state === 'started') throw new AlreadyStartedError(this.path);
    this.#state = 'started';
    this.#begin();
  }

  /**
   * Becomes a candidate once more: now, or when the present round is over.
   *
   * @returns false if it was to be one already
   * @throws NotStartedError; ClosedError if it was closed
   */
  requeue(): boolean {
    if (this.#state === 'closed') throw new ClosedError(`selector on ${this.path} is closed`);
    if (this.#state === 'latent') throw new NotStartedError(this.path);
    if (this.#round === null) {
      this.#begin();
      return true;
    }
    // While it waits for its turn it is a candidate already.
    if (this.#tenure === null || this.#requeued) return false;
    this.#requeued = true;
    return true;
  }

  /** Asks its function to end, by the tenure's signal. Nothing happens while it does not lead. */
  interruptLeadership(): void {
    this.#tenure?.interrupt();
  }

  /** All candidates, of every process and language, the leader first. */
  async participants(options: CallOptions = {}): Promise<Participant[]> {
    const signal = signalOf('participants of LeaderSelector', options);
    return await listParticipants(this.#keeper.limited, this.path, MARKER, signal);
  }

  /** The candidate that stands first, `null` when there is none. */
  async leader(options: CallOptions = {}): Promise<Participant | null> {
    const signal = signalOf('leader of LeaderSelector', options);
    return await findLeader(this.#keeper.limited, this.path, MARKER, signal);
  }

  /**
   * Interrupts its function and leaves the election; resolves when the function has ended, and the znode is gone or certain to go.
   * Idempotent; never rejects, unless it is awaited inside of its own function: what is left is a `backgroundError` with the operation
   * `left behind`.
   *
   * @param options.timeoutMs how long the delete is waited for after the function: default 2,000, from 0 to 2^31-1. Without a
   *   connection nothing is waited for
   * @throws SelfWaitError if it is awaited inside of its own function, which it waits for; the selector is closed all the same
   */
  close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    this.#state = 'closed';
    this.#candidate.leave();
    this.interruptLeadership();
    return refuseSelfWait(this, 'close() of LeaderSelector', this.#untilClosed(timeoutMs));
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #untilClosed(timeoutMs: number): Promise<void> {
    const round = this.#round ?? Promise.resolve();
    const left = round.then(() => this.#candidate.left());
    // Nothing but the work with the server has a limit.
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
      // Of a lost session the state tells; a hold lost before the function ran concerns nobody.
      const isTold = error instanceof FailedFunction || error instanceof SessionExpiredError;
      if (!(isTold || error instanceof HoldLostError)) this.#report(error);
    };
    this.#round = persevere(this.#keeper, round, { signal: this.#candidate.leaving, onFailure })
      // Only its own end or that of the `Keeper` makes it reject, and that is no error.
      .catch(() => {})
      .then(() => this.#afterRound());
  }

  #afterRound(): void {
    this.#round = null;
    this.#tenure = null;
    const again = this.#requeued || this.#autoRequeue;
    if (again && this.#state === 'started' && !this.#keeper.closed) this.#begin();
  }

  /** Step 4. @throws FailedFunction if the selector is to become a candidate again: after a pause, as after any failure */
  async #lead(member: Member): Promise<void> {
    const tenure = new MemberTenure(member, this.id, this.#lossPolicy);
    // The clock ran out while it waited: not elected after all, and to begin anew.
    tenure.signal.throwIfAborted();
    this.#tenure = tenure;
    const working = runOnBehalfOf(this, () => this.#takeLeadership(tenure));
    this.#working = working.catch(() => {});
    try {
      await working;
    } catch (error) {
      // To stop by throwing the reason of the signal is good manners, not a failure.
      if (tenure.signal.aborted && error === tenure.signal.reason) return;
      this.#report(error);
      if (!this.#autoRequeue && !this.#requeued) return;
      this.#requeued = false;
      throw new FailedFunction();
    } finally {
      // The znode goes with the end of the round.
      tenure.interrupt('released');
    }
  }

  #report(error: unknown): void {
    this.#keeper.reportBackgroundError(error, 'LeaderSelector', this.path);
  }
}

/** Its function has failed, which was told: only the pause is missing. Never leaves this file. */
class FailedFunction extends Error {}
