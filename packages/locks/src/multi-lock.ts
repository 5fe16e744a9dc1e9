import { ErrorCode, type Keeper, NoNodeError } from '@zk-recipes/core';
import {
  checkFunction,
  checkKeeper,
  checkOptions,
  enrolInAll,
  handOut,
  type LossPolicy,
  type Member,
  MemberHold,
  Patience,
  runWhileHeld,
  standInLine,
  tryWithin,
  untilAdmitted,
} from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { ReentrantAcquireError } from './errors.js';
import { Lock, type LockLine, lineOf } from './lock.js';
import type { LockHold, MultiHold } from './lock-hold.js';
import { type CallOptions, fields } from './options.js';
import { insideOf, runInside } from './reentrancy.js';
import { acquireForRun, type RunPatience, type RunResult } from './run-options.js';

/*
 * Guarantee
 *   All of the locks are held, or none. A multi-lock that is ahead of another in one line is ahead in all lines that both have joined.
 *   Therefore multi-locks cannot wait for each other in a circle, in whatever order they name the locks.
 * Not guaranteed
 *   That there is no such circle with a client that takes the same locks one after the other, as Curator's InterProcessMultiLock does.
 * Znodes
 *   Those of the locks, with one czxid.
 * Protocol
 *   1. Create the own znodes in all lines, protected, in one transaction; list the lines in the same round trip.
 *   2. Wait in one line after the other until the own place has no blocker. A place that has had its turn keeps it.
 *   3. Return one hold for all locks.
 *   4. Remove the own znodes.
 * Failures
 *   the failures of the locks, and:
 *   reply to the transaction lost   the znodes are found by their uuids: all or none
 *   one of the znodes is gone       the hold of all locks is lost
 */

/** Options of a multi-lock. */
export interface MultiLockOptions {
  /** Reaction to a lost connection. Default `session`: a hold survives a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** Options of `acquire` of a multi-lock. */
export type MultiAcquireOptions = CallOptions;

/** Options of `run` of a multi-lock. */
export interface MultiRunOptions<IfAvailable extends boolean = boolean>
  extends MultiAcquireOptions,
    RunPatience<IfAvailable> {}

/** Options of `tryAcquire` of a multi-lock. */
export interface MultiTryAcquireOptions extends MultiAcquireOptions {
  /**
   * Longest wait for other contenders, in milliseconds from the call on, up to 2^31-1. Default 0: no wait. The limit does not apply to
   * the servers: a later answer, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
}

const { lossPolicy, signal, timeoutMs, ifAvailable } = fields;
const constructorSchema = z.strictObject({ lossPolicy });
const acquireSchema = z.strictObject({ signal });
const runSchema = z.strictObject({ signal, timeoutMs, ifAvailable });
const tryAcquireSchema = z.strictObject({ signal, timeoutMs });

/** Several locks as one: the caller acquires all of them, or none. */
export class MultiLock {
  /** Locks in the order in which the caller gave them. */
  readonly locks: readonly Lock<LockHold>[];
  readonly #keeper: Keeper;
  readonly #lines: readonly LockLine[];
  readonly #lossPolicy: LossPolicy;

  /**
   * @param locks mutexes and sides of read/write locks of this very `Keeper`, namespace included, each directory once
   * @throws {TypeError} or {RangeError} when an argument is wrong; the message names the argument
   */
  constructor(keeper: Keeper, locks: readonly Lock<LockHold>[], options: MultiLockOptions = {}) {
    const unlimited = checkKeeper(keeper);
    checkLocks(unlimited, locks);
    checkOptions('MultiLock', constructorSchema, options);
    this.locks = [...locks];
    this.#keeper = unlimited;
    this.#lines = locks.map(lineOf);
    this.#lossPolicy = options.lossPolicy ?? 'session';
  }

  /**
   * Runs a function while all locks are held, and releases them afterwards.
   *
   * @see Lock.run
   */
  async run<T, IfAvailable extends boolean = false>(
    fn: (hold: MultiHold) => Promise<T> | T,
    options: MultiRunOptions<IfAvailable> = {},
  ): Promise<RunResult<T, IfAvailable>> {
    checkFunction('fn', fn);
    checkOptions('run of MultiLock', runSchema, options);
    const acquire = (patience?: Patience): Promise<MultiHold> => this.#acquire(options.signal, patience);
    const hold = await acquireForRun(this.#keeper, this.#firstPath, options, acquire);
    if (hold === null) return undefined as RunResult<T, IfAvailable>;
    const inside = this.#lines.map((place) => ({ place, held: { hold } }));
    return await runWhileHeld(hold, () => runInside(inside, () => fn(hold)));
  }

  /**
   * Waits until all locks are held.
   *
   * @throws {ReentrantAcquireError} when called inside the `run` of one of the locks
   * @throws the errors of a create, and the signal's reason
   */
  async acquire(options: MultiAcquireOptions = {}): Promise<MultiHold> {
    checkOptions('acquire of MultiLock', acquireSchema, options);
    return await this.#acquire(options.signal);
  }

  /**
   * Tries to acquire all locks, and waits for other contenders no longer than `timeoutMs`.
   *
   * @returns hold, or `null` if another contender has one of the locks
   * @throws {ConnectionLossError} when no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has
   *   passed
   * @throws the errors of `acquire`
   */
  async tryAcquire(options: MultiTryAcquireOptions = {}): Promise<MultiHold | null> {
    checkOptions('tryAcquire of MultiLock', tryAcquireSchema, options);
    const acquire = (patience: Patience): Promise<MultiHold> => this.#acquire(options.signal, patience);
    return await tryWithin(this.#keeper, this.#firstPath, options, acquire);
  }

  /** Path for messages. */
  get #firstPath(): string {
    const [{ path }] = this.#lines as readonly [LockLine];
    return path;
  }

  async #acquire(signal: AbortSignal | undefined, patience = new Patience(this.#keeper, signal)): Promise<MultiHold> {
    const own = this.#lines.find((line) => insideOf(line) !== undefined);
    if (own !== undefined) throw new ReentrantAcquireError(own.path, 'it is held here already');
    const places = this.#lines.map(({ path, rule, data }) => ({ directory: path, name: rule.marker, data }));
    const join = (): Promise<Member[]> => enrolInAll(this.#keeper, places, { signal: patience.signal }); // step 1
    return await standInLine(this.#keeper, patience, join, async (members) => {
      await this.#untilTurn(members, patience); //                                                          step 2
      patience.throwIfGivenUp();
      return handOut(new AllHeld(members as [Member, ...Member[]], this.#lossPolicy)); //                   step 3
    });
  }

  async #untilTurn(members: readonly Member[], patience: Patience): Promise<void> {
    const { signal } = patience;
    let hasWaited = false;
    for (const [index, member] of members.entries()) {
      const { rule } = this.#lines[index] as LockLine;
      const wait = await untilAdmitted(member, rule.obstacleOf, { signal, onQueued: () => patience.wait() });
      hasWaited ||= wait;
    }
    // During the wait no watch was set on the places that already had their turn.
    if (hasWaited) await this.#checkPlaces(members, signal);
  }

  async #checkPlaces(members: readonly Member[], signal: AbortSignal | undefined): Promise<void> {
    const stats = await Promise.all(members.map(({ path }) => this.#keeper.exists().forPath(path, { signal })));
    const gone = members[stats.indexOf(null)];
    if (gone !== undefined) throw new NoNodeError(ErrorCode.NONODE, 'place in line', gone.path);
  }
}

class AllHeld extends MemberHold implements MultiHold {
  readonly paths: readonly string[];

  constructor(members: readonly [Member, ...Member[]], lossPolicy: LossPolicy) {
    super(members, { lossPolicy });
    this.paths = members.map(({ path }) => path);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), paths: this.paths };
  }
}

function checkLocks(keeper: Keeper, locks: readonly Lock<LockHold>[]): void {
  if (!Array.isArray(locks) || locks.length === 0) {
    throw new TypeError('Expected `locks` to be an array of at least one lock');
  }
  for (const [index, lock] of locks.entries()) {
    if (!(lock instanceof Lock)) {
      throw new TypeError(`Expected \`locks[${index}]\` to be a Mutex or a side of a ReadWriteLock`);
    }
    if (lineOf(lock).keeper !== keeper) {
      throw new RangeError(
        `Expected \`locks[${index}]\` to be of the same Keeper, namespace included, as the MultiLock`,
      );
    }
    const same = locks.findIndex(({ path }) => path === lock.path);
    if (same !== index) {
      throw new RangeError(`Expected each lock once, got ${lock.path} as \`locks[${same}]\` and \`locks[${index}]\``);
    }
  }
}
