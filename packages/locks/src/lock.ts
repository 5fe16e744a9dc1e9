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
 * What all locks with a line have in common; who waits for whom, and what is promised, say the files of the locks.
 *
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If nobody stands in the way: it is held, go to 4.
 *   3. Watch the one znode that stands in the way, only that. When it is gone, and nobody can have come to stand in the way since the line
 *      was listed, it is held; else list the line again, and go to 2.
 *   4. Hand out the hold, and watch the own znode. It lasts until it is released, or lost by its clock, its session or its znode.
 *   5. Remove the own znode: also when the waiting ended in any other way.
 */

/** How a lock is taken in one way. */
export interface LockKind<H extends LockHold> {
  /** Name for messages. */
  readonly name: string;
  readonly rule: LineRule;
  /** What is handed out to who enters it. */
  enter(entrances: Entrances): EnteredHold & H;
}

/** The line of a lock, for those who take it together with others. */
export interface LockLine {
  readonly keeper: Keeper;
  readonly path: string;
  readonly rule: LineRule;
  readonly data: Uint8Array | null;
}

const lines = new WeakMap<Lock<LockHold>, LockLine>();

/** The line of a lock. */
export function lineOf(lock: Lock<LockHold>): LockLine {
  return lines.get(lock) as LockLine;
}

/** A lock with a line: a `Mutex`, or one side of a `ReadWriteLock`. */
export class Lock<H extends LockHold = LockHold> {
  /** Path of the lock. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #kind: LockKind<H>;
  readonly #data: Uint8Array | null;
  readonly #reentrant: boolean;
  readonly #lossPolicy: LossPolicy;

  /** @param keeper as `checkPlace` returns it */
  constructor(keeper: Keeper, path: string, kind: LockKind<H>, options: LockOptions) {
    this.path = path;
    this.#keeper = keeper;
    this.#kind = kind;
    this.#data = identityOf(options).data;
    this.#reentrant = options.reentrant ?? false;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    lines.set(this, { keeper, path, rule: kind.rule, data: this.#data });
  }

  /** The connection by which it is acquired. */
  get keeper(): Keeper {
    return this.#keeper.limited;
  }

  /**
   * Runs a function while the lock is held, and releases it afterwards. When the hold is lost meanwhile its signal aborts; the function
   * is waited for, since it should not go on beside what comes next.
   *
   * With `timeoutMs` it waits no longer than that for others, and then rejects without having called the function; with `ifAvailable` it
   * resolves with `undefined` instead.
   *
   * @returns what the function returns; `undefined` if it was not called since others had the lock, and the caller has said `ifAvailable`
   * @throws AcquireTimeoutError if others still had the lock after `timeoutMs`; HoldLostError if the hold was lost before the function ended;
   *   what the function throws; what `acquire` throws
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
   * A session that expires meanwhile costs the place in the line, not the waiting: it goes on at the end, in the new session.
   *
   * @throws TooManyWaitersError; ReentrantAcquireError inside of the lock's own `run`; what a create throws; the signal's reason
   */
  async acquire(options: AcquireOptions = {}): Promise<H> {
    checkOptions(`acquire of ${this.#kind.name}`, schemas.acquire, options);
    return this.#enterAgain() ?? this.#kind.enter(await this.#acquire(options));
  }

  /**
   * Acquires the lock if that takes no longer than the caller has patience.
   *
   * @returns `null` if somebody else has it
   * @throws ConnectionLossError if no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has passed; else
   *   as `acquire` does
   */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<H | null> {
    checkOptions(`tryAcquire of ${this.#kind.name}`, schemas.tryAcquire, options);
    const again = this.#enterAgain();
    if (again !== null) return again;
    const attempt = (patience: Patience): Promise<Entrances> => this.#acquire(options, patience);
    const entrances = await tryWithin(this.#keeper, this.path, options, attempt);
    return entrances && this.#kind.enter(entrances);
  }

  /** All who hold the lock in this way or wait for it, of every process and language, in the order of the line. */
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
   * Asks those who hold the lock in this way now, of every process and language, to let go of it, and resolves when they have. Those that
   * did not acquire it as `revocable` do not hear of it.
   *
   * With `forceAfterMs` the znode of whoever has not let go by then is deleted: the hold is lost then, and its owner hears of it at about
   * the same time as the next in line is granted the lock. Only `guard()` and the fencing token keep those two apart.
   */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    checkOptions(`revoke of ${this.#kind.name}`, schemas.revoke, options);
    const { rule } = this.#kind;
    const ordered = rule.inOrder(await namesIn(this.#keeper, this.path, { signal: options.signal }));
    const holders = ordered.slice(0, rule.holdersOf(ordered)).filter((name) => name.includes(rule.marker));
    await Promise.all(holders.map((name) => revoke(this.#keeper, childOf(this.path, name), options)));
  }

  /** @throws ReentrantAcquireError if it would wait for itself */
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
