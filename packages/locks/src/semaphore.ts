import { type Keeper, MultiError, type Stat, validatePath, type ZnodeData } from '@zk-recipes/core';
import {
  checkOptions,
  childOf,
  enrol,
  type LossPolicy,
  type Member,
  MemberHold,
  memberOf,
  sequenceKey,
  untilAdmitted,
  withinSession,
  z,
} from '@zk-recipes/core/recipe-kit';
import { enrolling, type Patience, runWhileHeld, standInLine, tryWithin, Waiting } from './acquisition.js';
import { type Contender, listContenders, namesIn, readContender } from './contenders.js';
import { TooManyWaitersError } from './errors.js';
import { type LeaseLimit, writeLimit } from './lease-limit.js';
import { Room } from './lease-room.js';
import { LOCK, mutexRule, permitsOf, wishFor } from './line-rules.js';
import { LivePosition } from './live-position.js';
import type { SemaphoreLease } from './lock-hold.js';
import { checkFunction, checkLock, fields, type WaitOptions } from './options.js';

/*
 * Guarantee
 *   Of all semaphores on one path, Curator's InterProcessSemaphoreV2 included, no more leases are held with a valid clock at any time than
 *   there are, as long as all users go by the same number. First come, first served, also by those who want several at once: nobody who
 *   wants fewer gets past them. Several permits are had all or none.
 * Not guaranteed
 *   That leases are taken back when their number is made smaller. As for the mutex: what a paused holder does, and when a crashed one's
 *   leases are free.
 * Znodes
 *   <path>/locks/_c_<uuid>-lock-<number>      ephemeral sequential: the line. Who wants several permits has `<permits>-lock-`, which stands in
 *                                             the same order.
 *   <path>/leases/_c_<uuid>-lease-<number>    ephemeral sequential, one a permit, its data who it is. Curator's has the same.
 *   A shared count where there is one: 4 bytes, big-endian.
 * Protocol
 *   1. Stand in the line; list line and leases in the same round trip.
 *   2. Wait as for the mutex. Only the first in the line may take leases, so their number does not grow meanwhile.
 *   3. While there are too many leases for what is wanted: watch them, and the count.
 *   4. In one transaction check the own place, create the leases, and leave the line.
 *   5. Hand out the hold; it is lost if one of its leases is.
 *   6. Remove the leases.
 * Failures
 *   as those of the mutex; besides
 *   reply to the transaction lost   a lease is found by its uuid: done, with all others; else it is done again
 *   place lost before step 4        the check fails: back to 1
 *   a lease is deleted by hand      the hold is lost, and its other leases are removed
 *   the count is missing or no number   InvalidLeaseLimitError
 */

const LEASE = 'lease-';

/** How a semaphore is made. */
export interface SemaphoreOptions {
  /** How many leases there are: a number, 1 or more, that is the same for all users; or where to read it. */
  readonly maxLeases: LeaseLimit;
  /** What the leases hold, for others to see: who is it. Default: the `defaultData` of the `Keeper`, as in Curator. */
  readonly data?: ZnodeData | undefined;
  /** Default `session`: leases stand through a short disconnection, while their clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** How to acquire permits. */
export interface SemaphoreAcquireOptions extends WaitOptions {
  /** How many, all or none; 1 or more, and no more than there are. Default 1. */
  readonly permits?: number | undefined;
  /** Rejects with a `TooManyWaitersError` instead of waiting behind so many waiters or more. Default: none. */
  readonly maxWaiters?: number | undefined;
}

/** How to try to acquire permits. */
export interface SemaphoreTryAcquireOptions extends Omit<SemaphoreAcquireOptions, 'maxWaiters'> {
  /** Milliseconds to wait for them, up to 2^31-1. Default 0: not at all if they are not to be had. */
  readonly timeoutMs?: number | undefined;
}

const count = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const path = z.string().refine((value) => isPath(value), 'expected a path');
const permits = count.optional();
const { data, lossPolicy, signal, onQueued, maxWaiters, timeoutMs } = fields;
const constructorSchema = z.strictObject({
  maxLeases: z.union([count, z.strictObject({ path, seed: count.optional() })]),
  data,
  lossPolicy,
});
const acquireSchema = z.strictObject({ permits, signal, onQueued, maxWaiters });
const tryAcquireSchema = z.strictObject({ permits, signal, onQueued, timeoutMs });

interface Attempt extends SemaphoreAcquireOptions {
  readonly patience?: Patience | undefined;
}

/** A number of leases that are held one or several at a time. @see org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2 */
export class Semaphore {
  /** Path of the semaphore. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #limit: LeaseLimit;
  readonly #data: ZnodeData | undefined;
  readonly #lossPolicy: LossPolicy;
  readonly #line: string;
  readonly #leases: string;

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: SemaphoreOptions) {
    checkLock('Semaphore', keeper, path, constructorSchema, options);
    this.path = path;
    this.#keeper = keeper;
    this.#limit = options.maxLeases;
    this.#data = options.data;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    this.#line = childOf(path, 'locks');
    this.#leases = childOf(path, 'leases');
  }

  /**
   * Runs a function while permits are held, and releases them afterwards. When the hold is lost meanwhile its signal aborts; the function is
   * waited for.
   *
   * @returns what the function returns
   * @throws HoldLostError if the hold was lost before the function ended; what the function throws; what `acquire` throws
   */
  async run<T>(fn: (lease: SemaphoreLease) => Promise<T> | T, options: SemaphoreAcquireOptions = {}): Promise<T> {
    checkFunction(fn);
    return await runWhileHeld(await this.acquire(options), fn);
  }

  /**
   * Waits until the permits are held.
   *
   * @throws RangeError for more permits than there are; TooManyWaitersError; InvalidLeaseLimitError; the signal's reason
   */
  async acquire(options: SemaphoreAcquireOptions = {}): Promise<SemaphoreLease> {
    checkOptions('acquire of Semaphore', acquireSchema, options);
    return await this.#acquire(options);
  }

  /**
   * Acquires permits if that takes no longer than the caller has patience.
   *
   * @returns `null` if others have them, or want them before
   * @throws ConnectionLossError if nobody answered in time, as `acquire` does otherwise
   */
  async tryAcquire(options: SemaphoreTryAcquireOptions = {}): Promise<SemaphoreLease | null> {
    checkOptions('tryAcquire of Semaphore', tryAcquireSchema, options);
    const { timeoutMs: _, ...rest } = options;
    return await tryWithin(options, (patience) => this.#acquire({ ...rest, patience }));
  }

  /** All leases, of every process and language. One of Curator's waiters, the first, has its lease already. */
  async leases({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Contender[]> {
    const names = await namesIn(this.#keeper, this.#leases, signal);
    const ordered = [...names].sort(byNumber);
    const place = { state: 'holding', position: 0 } as const;
    const leases = ordered.map((name) => readContender(this.#keeper, childOf(this.#leases, name), place, signal));
    return (await Promise.all(leases)).filter((lease) => lease !== null);
  }

  /** Those who hold leases, and then those who stand in the line. */
  async contenders({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Contender[]> {
    const isMeant = (name: string): boolean => name.includes(LOCK);
    const [leases, line] = await Promise.all([
      this.leases({ signal }),
      listContenders(this.#keeper, this.#line, mutexRule, isMeant, signal),
    ]);
    return [...leases, ...line.map((one): Contender => ({ ...one, state: 'waiting', position: one.position + 1 }))];
  }

  /**
   * Changes the number of leases for all users of the shared count. More wake who waits; fewer take nothing back.
   *
   * @throws TypeError if `maxLeases` is no shared count; RangeError for a number out of range
   */
  async setMaxLeases(maxLeases: number): Promise<void> {
    if (typeof this.#limit === 'number') {
      throw new TypeError('Expected `maxLeases` of the Semaphore to be a shared count, `{ path }`, got a number');
    }
    checkOptions(
      'setMaxLeases of Semaphore',
      z.strictObject({
        maxLeases: z
          .int()
          .min(0)
          .max(2 ** 31 - 1),
      }),
      { maxLeases },
    );
    await writeLimit(this.#keeper, this.#limit, maxLeases);
  }

  async #acquire({ permits = 1, signal, patience, ...queueing }: Attempt): Promise<SemaphoreLease> {
    if (typeof this.#limit === 'number' && permits > this.#limit) {
      throw new RangeError(`Expected \`permits\` to be ${this.#limit} or less, as there are leases, got ${permits}`);
    }
    const keeper = this.#keeper;
    const room = new Room(keeper, this.#leases, this.#limit);
    const name = wishFor(permits);
    let looking: Promise<void> | undefined;
    const join = (): Promise<Member> => {
      const enrolment = enrol(keeper, this.#line, { name, signal: patience?.enrolling ?? signal }); // step 1
      looking = room.look(signal);
      // Whoever fails to enrol does not ask what was seen.
      looking.catch(() => {});
      return enrolling(this.path, enrolment);
    };
    return await standInLine(keeper, signal, join, async (member) => {
      await looking;
      await this.#untilRoom(member, room, { permits, signal, patience, ...queueing }); //   steps 2, 3
      signal?.throwIfAborted();
      const lease = new Lease(await this.#take(member, permits, signal), this.#lossPolicy); // steps 4, 5
      // The clock ran out meanwhile: not held after all.
      if (lease.state === 'lost') throw lease.signal.reason;
      return lease;
    });
  }

  async #untilRoom(
    member: Member,
    room: Room,
    { permits, signal, patience, onQueued, maxWaiters }: Attempt & { readonly permits: number },
  ): Promise<void> {
    const waiting = new Waiting(signal, patience);
    const position = onQueued === undefined ? null : new LivePosition(member, mutexRule, onQueued, 2);
    const begin = (ahead: readonly string[]): void => {
      if (maxWaiters !== undefined && ahead.length >= maxWaiters) {
        throw new TooManyWaitersError(this.path, ahead.length, maxWaiters);
      }
      // Those for whom there is room are on their way through, which is not worth anybody's patience.
      const wanted = ahead.reduce((sum, name) => sum + permitsOf(name), permits);
      if (ahead.length === 0 || !room.hasRoomFor(wanted)) waiting.begin();
      else waiting.beginWithTime();
    };
    // Only what was seen after nobody stood before it any more counts, and the first look was sent right after the list of the line.
    let isCurrent = member.siblings !== null;
    const onLine = (names: readonly string[]): void => {
      isCurrent = false;
      const ordered = mutexRule.inOrder(names);
      begin(ordered.slice(0, ordered.indexOf(member.name)));
      position?.start(names);
    };
    try {
      await untilAdmitted(member, mutexRule.obstacleOf, { signal: waiting.signal, onQueued: onLine });
      if (!isCurrent) await room.look(waiting.signal);
      if (room.hasRoomFor(permits)) return;
      begin([]);
      position?.tellFirst();
      await withinSession(this.#keeper, member.epoch, waiting.signal, (within) => room.until(permits, within));
    } finally {
      waiting.end();
      position?.stop();
    }
  }

  /** Step 4. */
  async #take(member: Member, permits: number, signal: AbortSignal | undefined): Promise<[Member, ...Member[]]> {
    const lease = { mode: 'EPHEMERAL_SEQUENTIAL', protection: true } as const;
    let transaction = this.#keeper.transaction().creatingParents().check(member.path);
    for (let permit = 0; permit < permits; permit++) {
      transaction = transaction.create(childOf(this.#leases, LEASE), this.#data, lease);
    }
    try {
      const results = await transaction.delete(member.path).commit({ signal });
      const created = results.slice(1, -1) as { path: string; stat: Stat }[];
      return created.map((one) => memberOf(this.#keeper, one)) as [Member, ...Member[]];
    } catch (error) {
      // The place in the line is gone, and with it the right to take leases.
      throw error instanceof MultiError && error.failedIndex === 0 ? error.cause : error;
    }
  }
}

class Lease extends MemberHold implements SemaphoreLease {
  readonly permits: number;

  constructor(members: readonly [Member, ...Member[]], lossPolicy: LossPolicy) {
    super(members, { lossPolicy });
    this.permits = members.length;
  }
}

function byNumber(one: string, other: string): number {
  const [a, b] = [sequenceKey(one, LEASE), sequenceKey(other, LEASE)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function isPath(value: string): boolean {
  try {
    validatePath(value);
    return true;
  } catch {
    return false;
  }
}
