import type { Contender, Keeper } from '@zk-recipes/core';
import {
  checkFunction,
  checkOptions,
  childOf,
  enrol,
  handOut,
  identityOf,
  type LossPolicy,
  type Member,
  namesIn,
  Patience,
  runWhileHeld,
  standInLine,
  tryWithin,
  untilAdmitted,
} from '@zk-recipes/core/recipe-kit';
import { listContenders } from './contenders.js';
import { type EnteredHold, Entrances } from './entrances.js';
import { ReentrantAcquireError, TooManyWaitersError } from './errors.js';
import { type LineRule, READ, WRITE } from './line-rules.js';
import { LivePosition } from './live-position.js';
import { LineHold, type LockHold } from './lock-hold.js';
import {
  type AcquireOptions,
  type CallOptions,
  type LockOptions,
  type RevokeOptions,
  type RunOptions,
  schemas,
  type TryAcquireOptions,
} from './options.js';
import { insideOf, runInside } from './reentrancy.js';
import { revoke } from './revocation.js';
import { acquireForRun, type RunResult } from './run-options.js';

/*
 * Common protocol of all locks with a line. The file of each lock states the lock's guarantees and the blocker of each place.
 *
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If the own znode has no blocker, the lock is held: go to 4.
 *   3. Watch one znode: the blocker. After the blocker is gone, the lock is held if no new blocker can have appeared since the line was
 *      listed; else list the line again, and go to 2.
 *   4. Return the hold, and watch the own znode. The hold lasts until it is released, or lost by its clock, its session or its znode.
 *   5. Remove the own znode, also if the wait ends in any other way.
 */

/** Way of taking a lock, for example for reading. */
export interface LockKind<H extends LockHold> {
  /** Name for messages. */
  readonly name: string;
  readonly rule: LineRule;
  /** Returns the hold for a contender that enters the lock. */
  enter(entrances: Entrances): EnteredHold & H;
}

/** Line of a lock, for a `MultiLock` that takes the lock together with others. */
export interface LockLine {
  readonly keeper: Keeper;
  readonly path: string;
  readonly rule: LineRule;
  readonly data: Uint8Array | null;
}

const lines = new WeakMap<Lock<LockHold>, LockLine>();

/** Returns the line of a lock. */
export function lineOf(lock: Lock<LockHold>): LockLine {
  return lines.get(lock) as LockLine;
}

/** Lock with a line: a `Mutex`, or one side of a `ReadWriteLock`. */
export class Lock<H extends LockHold = LockHold> {
  /** Path of the lock. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #kind: LockKind<H>;
  readonly #data: Uint8Array | null;
  readonly #reentrant: boolean;
  readonly #lossPolicy: LossPolicy;

  /** @param keeper result of `checkPlace` */
  constructor(keeper: Keeper, path: string, kind: LockKind<H>, options: LockOptions) {
    this.path = path;
    this.#keeper = keeper;
    this.#kind = kind;
    this.#data = identityOf(options).data;
    this.#reentrant = options.reentrant ?? false;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    lines.set(this, { keeper, path, rule: kind.rule, data: this.#data });
  }

  /** `Keeper` with which this object acquires the lock. */
  get keeper(): Keeper {
    return this.#keeper.limited;
  }

  /**
   * Runs a function while the lock is held, and releases the lock afterwards. If the hold is lost meanwhile, its signal aborts. `run`
   * still waits for the function, so that the function does not run beside later code of the caller.
   *
   * With `timeoutMs`, `run` limits the wait for other contenders: after the limit it rejects without calling the function. With
   * `ifAvailable` it resolves with `undefined` instead.
   *
   * @returns result of the function; `undefined` if others had the lock and `ifAvailable` is set, so that the function was not called
   * @throws {AcquireTimeoutError} when others still have the lock after `timeoutMs`
   * @throws {HoldLostError} when the hold is lost before the function ends
   * @throws the error of the function, and the errors of `acquire`
   */
  async run<T, IfAvailable extends boolean = false>(
    fn: (hold: H) => Promise<T> | T,
    options: RunOptions<IfAvailable> = {},
  ): Promise<RunResult<T, IfAvailable>> {
    checkFunction('fn', fn);
    checkOptions(`run of ${this.#kind.name}`, schemas.run, options);
    const again = this.#enterAgain();
    if (again !== null) return await runWhileHeld(again, fn);
    const acquire = (patience?: Patience): Promise<Entrances> => this.#acquire(options, patience);
    const entrances = await acquireForRun(this.#keeper, this.path, options, acquire);
    if (entrances === null) return undefined as RunResult<T, IfAvailable>;
    const inside = { place: { keeper: this.#keeper, path: this.path }, held: entrances };
    return await runWhileHeld(this.#kind.enter(entrances), (hold) => runInside([inside], () => fn(hold)));
  }

  /**
   * Waits until the lock is held.
   *
   * If the session expires meanwhile, the caller loses its place in the line, but continues to wait: at the end of the line, in the new
   * session.
   *
   * @throws {TooManyWaitersError} when at least `maxWaiters` waiters are ahead
   * @throws {ReentrantAcquireError} when called inside the lock's own `run`
   * @throws the errors of a create, and the signal's reason
   */
  async acquire(options: AcquireOptions = {}): Promise<H> {
    checkOptions(`acquire of ${this.#kind.name}`, schemas.acquire, options);
    return this.#enterAgain() ?? this.#kind.enter(await this.#acquire(options));
  }

  /**
   * Tries to acquire the lock, and waits for other contenders no longer than `timeoutMs`.
   *
   * @returns hold, or `null` if another contender has the lock
   * @throws {ConnectionLossError} when no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has
   *   passed
   * @throws the errors of `acquire`
   */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<H | null> {
    checkOptions(`tryAcquire of ${this.#kind.name}`, schemas.tryAcquire, options);
    const again = this.#enterAgain();
    if (again !== null) return again;
    const attempt = (patience: Patience): Promise<Entrances> => this.#acquire(options, patience);
    const entrances = await tryWithin(this.#keeper, this.path, options, attempt);
    return entrances && this.#kind.enter(entrances);
  }

  /**
   * Lists all holders and waiters of this lock (of a read/write lock: of this side), of every process and language, in the order of the
   * line.
   */
  async contenders(options: CallOptions = {}): Promise<Contender[]> {
    checkOptions(`contenders of ${this.#kind.name}`, schemas.call, options);
    const { rule } = this.#kind;
    return await listContenders(
      this.#keeper.limited,
      this.path,
      rule,
      (name) => name.includes(rule.marker),
      options.signal,
    );
  }

  /**
   * Asks the current holders of this lock (of a read/write lock: of this side), of every process and language, to release it. Resolves
   * when they have released it. A holder that acquired the lock without `revocable` does not receive the request.
   *
   * With `forceAfterMs` the znode of a holder that has not released the lock in time is deleted. The hold is then lost. Its owner learns
   * of the loss at about the same time as the next waiter is granted the lock. Only `guard()` and the fencing token keep the two apart.
   */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    checkOptions(`revoke of ${this.#kind.name}`, schemas.revoke, options);
    const { rule } = this.#kind;
    const ordered = rule.inOrder(await namesIn(this.#keeper, this.path, { signal: options.signal }));
    const holders = ordered.slice(0, rule.holdersOf(ordered)).filter((name) => name.includes(rule.marker));
    await Promise.all(holders.map((name) => revoke(this.#keeper, childOf(this.path, name), options)));
  }

  /**
   * Returns a hold of the lock that the calling context already holds; `null` if the context does not hold the lock.
   *
   * @throws {ReentrantAcquireError} when the caller would wait for itself
   */
  #enterAgain(): (EnteredHold & H) | null {
    const inside = insideOf({ keeper: this.#keeper, path: this.path });
    if (inside === undefined) return null;
    const { held } = inside;
    if (!(held instanceof Entrances)) throw this.#refusal('it is held here together with others');
    if (!this.#reentrant) throw this.#refusal('it is held here already, and not `reentrant`');
    if (held.marker === READ && this.#kind.rule.marker === WRITE) {
      throw this.#refusal('it is held here for reading, and a reader can not become a writer');
    }
    return this.#kind.enter(held);
  }

  #refusal(why: string): ReentrantAcquireError {
    return new ReentrantAcquireError(this.path, why);
  }

  async #acquire(options: AcquireOptions, patience = new Patience(this.#keeper, options.signal)): Promise<Entrances> {
    const keeper = this.#keeper;
    const { marker } = this.#kind.rule;
    const join = (): Promise<Member> =>
      enrol(keeper, this.path, { name: marker, data: this.#data, signal: patience.signal }); //     step 1
    return await standInLine(keeper, patience, join, async (member) => {
      await this.#untilTurn(member, options, patience); //                                          steps 2, 3
      patience.throwIfGivenUp();
      const how = { revocable: options.revocable ?? false, lossPolicy: this.#lossPolicy };
      return new Entrances(handOut(new LineHold(member, how)), marker); //                          step 4
    });
  }

  async #untilTurn(member: Member, { onQueued, maxWaiters }: AcquireOptions, patience: Patience): Promise<void> {
    const { rule } = this.#kind;
    const position = onQueued === undefined ? null : new LivePosition(member, rule, onQueued);
    const begin = (names: readonly string[]): void => {
      if (maxWaiters !== undefined) this.#checkWaiters(member, names, maxWaiters);
      patience.wait();
      position?.start(names);
    };
    try {
      await untilAdmitted(member, rule.obstacleOf, { signal: patience.signal, onQueued: begin });
    } finally {
      position?.stop();
    }
  }

  #checkWaiters(member: Member, names: readonly string[], maxWaiters: number): void {
    const { rule } = this.#kind;
    const ordered = rule.inOrder(names);
    const waiters = ordered.indexOf(member.name) - rule.holdersOf(ordered);
    if (waiters >= maxWaiters) throw new TooManyWaitersError(this.path, waiters, maxWaiters);
  }
}
