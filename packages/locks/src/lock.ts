import type { Keeper, ZnodeData } from '@zk-recipes/core';
import {
  checkOptions,
  enrol,
  isAdmitted,
  type LossPolicy,
  type Member,
  untilAdmitted,
} from '@zk-recipes/core/recipe-kit';
import { enrolling, type Patience, runWhileHeld, standInLine, tryWithin, Waiting } from './acquisition.js';
import { type Contender, listContenders } from './contenders.js';
import { EnteredHold, Entrances } from './entrances.js';
import { ReentrantAcquireError, TooManyWaitersError } from './errors.js';
import { type LineRule, READ, WRITE } from './line-rules.js';
import { LivePosition } from './live-position.js';
import { LineHold, type LineHoldOptions, type LockHold } from './lock-hold.js';
import {
  type AcquireOptions,
  checkFunction,
  type LockOptions,
  type RevokeOptions,
  type RunOptions,
  schemas,
  type TryAcquireOptions,
} from './options.js';
import { type Inside, insideOf, runInside } from './reentrancy.js';
import { revoke } from './revocation.js';

/*
 * What all locks with a line have in common; who waits for whom, and what is promised, say the files of the locks.
 *
 * Protocol
 *   1. Create the own znode, protected; list the line in the same round trip.
 *   2. If nobody stands in the way: it is held, go to 4.
 *   3. Watch the one znode that stands in the way, only that. When it is gone and was the last, it is held; else list the line again, and
 *      go to 2.
 *   4. Hand out the hold. It lasts until it is released, or lost by its clock, its session or its znode.
 *   5. Remove the own znode: also when the waiting ended in any other way.
 */

/** How a lock is taken in one way. */
export interface LockKind<H extends LockHold> {
  /** Name for messages. */
  readonly name: string;
  readonly rule: LineRule;
  /** What is handed out for a place in the line whose turn it is. */
  hold(member: Member, options: LineHoldOptions): LineHold & H;
  /** What is handed out when it is entered again. */
  enter(entrances: Entrances): H & EnteredHold;
}

/** A lock without anything special: its hold can be released, and that is all. */
export const plainHolds = {
  hold: (member: Member, options: LineHoldOptions): LineHold => new LineHold(member, options),
  enter: (entrances: Entrances): EnteredHold => new EnteredHold(entrances),
};

interface Attempt extends Omit<AcquireOptions, 'signal'> {
  readonly signal: AbortSignal | undefined;
  readonly patience?: Patience | undefined;
}

/** A lock with a line: a `Mutex`, or one side of a `ReadWriteLock`. */
export class Lock<H extends LockHold = LockHold> {
  /** Path of the lock. */
  readonly path: string;
  /** The connection by which it is acquired. */
  readonly keeper: Keeper;
  /** What its znodes hold. */
  readonly data: ZnodeData | undefined;
  /** In which way it is taken. */
  readonly kind: LockKind<H>;
  readonly #reentrant: boolean;
  readonly #lossPolicy: LossPolicy;

  /** For the locks that have checked their arguments. */
  constructor(keeper: Keeper, path: string, kind: LockKind<H>, options: LockOptions) {
    this.keeper = keeper;
    this.path = path;
    this.kind = kind;
    this.data = options.data;
    this.#reentrant = options.reentrant ?? false;
    this.#lossPolicy = options.lossPolicy ?? 'session';
  }

  /**
   * Runs a function while the lock is held, and releases it afterwards. When the hold is lost meanwhile its signal aborts; the function
   * is waited for, since it should not go on beside what comes next.
   *
   * @returns what the function returns
   * @throws HoldLostError if the hold was lost before the function ended; what the function throws; what `acquire` throws
   */
  async run<T>(fn: (hold: H) => Promise<T> | T, options: RunOptions = {}): Promise<T> {
    checkFunction(fn);
    checkOptions(`run of ${this.kind.name}`, schemas.acquire, options);
    const entered = this.#enterAgain();
    if (entered !== null) return await runWhileHeld(entered, fn);
    const hold = await this.#acquire({ ...options, signal: options.signal });
    const entrances = new Entrances(hold);
    const inside: Inside = { place: this.place, hold, entrances };
    return await runWhileHeld(this.kind.enter(entrances), (own) => runInside([inside], () => fn(own)));
  }

  /**
   * Waits until the lock is held.
   *
   * A session that expires meanwhile costs the place in the line, not the waiting: it goes on at the end, in the new session.
   *
   * @throws TooManyWaitersError; ReentrantAcquireError inside of the lock's own `run`; what a create throws; the signal's reason
   */
  async acquire(options: AcquireOptions = {}): Promise<H> {
    checkOptions(`acquire of ${this.kind.name}`, schemas.acquire, options);
    const entered = this.#enterAgain();
    if (entered !== null) return entered;
    return this.#handOut(await this.#acquire({ ...options, signal: options.signal }));
  }

  /**
   * Acquires the lock if that takes no longer than the caller has patience.
   *
   * @returns `null` if somebody else has it
   * @throws ConnectionLossError if nobody answered in time, as `acquire` does otherwise
   */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<H | null> {
    checkOptions(`tryAcquire of ${this.kind.name}`, schemas.tryAcquire, options);
    const entered = this.#enterAgain();
    if (entered !== null) return entered;
    const hold = await tryWithin(options, (patience) =>
      this.#acquire({ ...options, signal: options.signal, patience }),
    );
    return hold === null ? null : this.#handOut(hold);
  }

  /** All who hold the lock in this way or wait for it, of every process and language, in the order of the line. */
  contenders({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Contender[]> {
    const { rule } = this.kind;
    return listContenders(this.keeper, this.path, rule, (name) => name.includes(rule.marker), signal);
  }

  /**
   * Asks those who hold the lock in this way now, of every process and language, to let go of it, and resolves when they have. Those that
   * did not acquire it as `revocable` do not hear of it.
   *
   * With `forceAfterMs` the znode of whoever has not let go by then is deleted: the hold is lost then, and its owner hears of it at about
   * the same time as the next in line is granted the lock. Only `guard()` and the fencing token keep those two apart.
   */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    checkOptions(`revoke of ${this.kind.name}`, schemas.revoke, options);
    const contenders = await this.contenders({ signal: options.signal });
    const holders = contenders.filter(({ state }) => state === 'holding');
    await Promise.all(holders.map(({ path }) => revoke(this.keeper, path, options)));
  }

  /** Where it is, and in which way it is taken there. */
  get place(): Inside['place'] {
    return { keeper: this.keeper, path: this.path, marker: this.kind.rule.marker };
  }

  /** @throws ReentrantAcquireError if it would wait for itself */
  #enterAgain(): (H & EnteredHold) | null {
    const inside = insideOf(this.place);
    if (inside === undefined) return null;
    if (inside.entrances === null) throw new ReentrantAcquireError(this.path, 'it is held here together with others');
    if (!this.#reentrant) throw new ReentrantAcquireError(this.path, 'it is held here already, and not `reentrant`');
    if (inside.place.marker === READ && this.kind.rule.marker === WRITE) {
      throw new ReentrantAcquireError(this.path, 'it is held here for reading, and a reader can not become a writer');
    }
    return this.kind.enter(inside.entrances);
  }

  #handOut(hold: H & LineHold): H {
    return this.#reentrant ? this.kind.enter(new Entrances(hold)) : hold;
  }

  async #acquire({ signal, patience, revocable = false, ...queueing }: Attempt): Promise<H & LineHold> {
    const { keeper, path, data } = this;
    const { rule } = this.kind;
    const join = (): Promise<Member> =>
      enrolling(path, enrol(keeper, path, { name: rule.marker, data, signal: patience?.enrolling ?? signal })); // step 1
    return await standInLine(keeper, signal, join, async (member) => {
      await this.#untilTurn(member, { signal, patience, ...queueing }); //                           steps 2, 3
      signal?.throwIfAborted();
      const hold = this.kind.hold(member, { revocable, lossPolicy: this.#lossPolicy }); //           step 4
      // The clock ran out while it waited: not held after all.
      if (hold.state === 'lost') throw hold.signal.reason;
      return hold;
    });
  }

  async #untilTurn(member: Member, { signal, patience, onQueued, maxWaiters }: Attempt): Promise<void> {
    const { rule } = this.kind;
    if (isAdmitted(member, rule.obstacleOf)) return;
    const waiting = new Waiting(signal, patience);
    const position = onQueued === undefined ? null : new LivePosition(member, rule, onQueued);
    const begin = (names: readonly string[]): void => {
      if (maxWaiters !== undefined) this.#checkWaiters(member, names, maxWaiters);
      waiting.begin();
      position?.start(names);
    };
    try {
      await untilAdmitted(member, rule.obstacleOf, { signal: waiting.signal, onQueued: begin });
    } finally {
      waiting.end();
      position?.stop();
    }
  }

  #checkWaiters(member: Member, names: readonly string[], maxWaiters: number): void {
    const ordered = this.kind.rule.inOrder(names);
    const ahead = ordered.slice(0, ordered.indexOf(member.name));
    const waiters = ahead.filter((_, index) => !this.kind.rule.isHolding(ordered, index)).length;
    if (waiters >= maxWaiters) throw new TooManyWaitersError(this.path, waiters, maxWaiters);
  }
}
