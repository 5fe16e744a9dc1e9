import { type Contender, type Keeper, MultiError, type Stat } from '@zk-recipes/core';
import {
  checkArgument,
  checkFunction,
  checkOptions,
  checkPlace,
  childOf,
  enrol,
  giveUp,
  handOut,
  identityOf,
  inSequence,
  type LossPolicy,
  type Member,
  MemberHold,
  memberOf,
  namesIn,
  Patience,
  runWhileHeld,
  standInLine,
  tryWithin,
  untilAdmitted,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import { listContenders, readContender } from './contenders.js';
import { TooManyWaitersError } from './errors.js';
import { type LeaseLimit, writeLimit } from './lease-limit.js';
import { Room } from './lease-room.js';
import { LOCK, markerFor, mutexRule, permitsOf } from './line-rules.js';
import { LivePosition } from './live-position.js';
import type { SemaphoreLease } from './lock-hold.js';
import { type CallOptions, schemas } from './options.js';
import { acquireForRun, type RunResult } from './run-options.js';
import {
  type SemaphoreAcquireOptions,
  type SemaphoreOptions,
  type SemaphoreRunOptions,
  type SemaphoreTryAcquireOptions,
  semaphoreSchemas,
} from './semaphore-options.js';

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

/** A number of leases that are held one or several at a time. @see org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2 */
export class Semaphore {
  /** Path of the semaphore. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #limit: LeaseLimit;
  readonly #data: Uint8Array | null;
  readonly #lossPolicy: LossPolicy;
  readonly #line: string;
  readonly #leases: string;

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: SemaphoreOptions) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('Semaphore', semaphoreSchemas.semaphore, options);
    this.path = path;
    this.#keeper = unlimited;
    this.#limit = options.maxLeases;
    this.#data = identityOf(options).data;
    this.#lossPolicy = options.lossPolicy ?? 'session';
    this.#line = childOf(path, 'locks');
    this.#leases = childOf(path, 'leases');
  }

  /**
   * Runs a function while permits are held, and releases them afterwards. When the hold is lost meanwhile its signal aborts; the function is
   * waited for.
   *
   * With `timeoutMs` it waits no longer than that for others, and then rejects without having called the function; with `ifAvailable` it
   * resolves with `undefined` instead.
   *
   * @returns what the function returns; `undefined` if it was not called since others had the permits, and the caller has said `ifAvailable`
   * @throws AcquireTimeoutError if others still had the permits after `timeoutMs`; HoldLostError if the hold was lost before the function ended;
   *   what the function throws; what `acquire` throws
   */
  async run<T, IfAvailable extends boolean = false>(
    fn: (lease: SemaphoreLease) => Promise<T> | T,
    options: SemaphoreRunOptions<IfAvailable> = {},
  ): Promise<RunResult<T, IfAvailable>> {
    checkFunction('fn', fn);
    checkOptions('run of Semaphore', semaphoreSchemas.run, options);
    const acquire = (patience?: Patience): Promise<SemaphoreLease> => this.#acquire(options, patience);
    const lease = await acquireForRun(this.#keeper, this.path, options, acquire);
    if (lease === null) return undefined as RunResult<T, IfAvailable>;
    return await runWhileHeld(lease, fn);
  }

  /**
   * Waits until the permits are held.
   *
   * @throws RangeError for more permits than there are; TooManyWaitersError; InvalidLeaseLimitError; the signal's reason
   */
  async acquire(options: SemaphoreAcquireOptions = {}): Promise<SemaphoreLease> {
    checkOptions('acquire of Semaphore', semaphoreSchemas.acquire, options);
    return await this.#acquire(options);
  }

  /**
   * Acquires permits if that takes no longer than the caller has patience.
   *
   * @returns `null` if others have them, or want them before. Those for whom there is room as well are waited for, a second at most
   * @throws ConnectionLossError if no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has passed; else
   *   as `acquire` does
   */
  async tryAcquire(options: SemaphoreTryAcquireOptions = {}): Promise<SemaphoreLease | null> {
    checkOptions('tryAcquire of Semaphore', semaphoreSchemas.tryAcquire, options);
    return await tryWithin(this.#keeper, this.path, options, (patience) => this.#acquire(options, patience));
  }

  /** All leases, of every process and language. One of Curator's waiters, the first, has its lease already. */
  async leases(options: CallOptions = {}): Promise<Contender[]> {
    checkOptions('leases of Semaphore', schemas.call, options);
    const names = inSequence(await namesIn(this.#keeper.limited, this.#leases, options), LEASE);
    const place = { state: 'holding', position: 0 } as const;
    const leases = names.map((name) => {
      return readContender(this.#keeper.limited, childOf(this.#leases, name), place, options.signal);
    });
    return (await Promise.all(leases)).filter((lease) => lease !== null);
  }

  /** Those who hold leases, and then those who stand in the line. */
  async contenders(options: CallOptions = {}): Promise<Contender[]> {
    checkOptions('contenders of Semaphore', schemas.call, options);
    const isMeant = (name: string): boolean => name.includes(LOCK);
    const [leases, line] = await Promise.all([
      this.leases(options),
      listContenders(this.#keeper.limited, this.#line, mutexRule, isMeant, options.signal),
    ]);
    return [...leases, ...line.map((one): Contender => ({ ...one, state: 'waiting', position: one.position + 1 }))];
  }

  /**
   * Changes the number of leases for all users of the shared count. More wake who waits; fewer take nothing back. Of two who change it at
   * once, one is overwritten.
   *
   * @throws TypeError if `maxLeases` is no shared count; RangeError for a number out of range
   */
  async setMaxLeases(maxLeases: number, options: CallOptions = {}): Promise<void> {
    if (typeof this.#limit === 'number') {
      throw new TypeError('Expected `maxLeases` of the Semaphore to be a shared count, `{ path }`, got a number');
    }
    checkArgument('maxLeases', semaphoreSchemas.setMaxLeases, maxLeases);
    checkOptions('setMaxLeases of Semaphore', schemas.call, options);
    await writeLimit(this.#keeper.limited, this.#limit, maxLeases, options);
  }

  async #acquire(
    options: SemaphoreAcquireOptions,
    patience = new Patience(this.#keeper, options.signal),
  ): Promise<SemaphoreLease> {
    const { permits = 1 } = options;
    if (typeof this.#limit === 'number' && permits > this.#limit) {
      throw new RangeError(`Expected \`permits\` to be ${this.#limit} or less, as there are leases, got ${permits}`);
    }
    const keeper = this.#keeper;
    const room = new Room(keeper, this.#leases, this.#limit);
    let looking: Promise<void> | undefined;
    const join = (): Promise<Member> => {
      const { signal } = patience;
      const enrolment = enrol(keeper, this.#line, { name: markerFor(permits), data: this.#data, signal }); //     step 1
      looking = room.look(signal);
      // Whoever fails to enrol does not ask what was seen.
      looking.catch(() => {});
      return enrolment;
    };
    return await standInLine(keeper, patience, join, async (member) => {
      await looking;
      await this.#untilRoom(member, room, permits, options, patience); //                       steps 2, 3
      patience.throwIfGivenUp();
      const leases = await this.#take(member, permits, patience.keeper, options.signal); //     step 4
      const lease = handOut(new Lease(leases, this.#lossPolicy)); //                            step 5
      if (options.signal?.aborted) {
        lease.interrupt('released');
        await giveUp(leases);
      }
      patience.throwIfGivenUp();
      return lease;
    });
  }

  async #untilRoom(
    member: Member,
    room: Room,
    permits: number,
    { onQueued, maxWaiters }: SemaphoreAcquireOptions,
    patience: Patience,
  ): Promise<void> {
    const { signal } = patience;
    const position = onQueued === undefined ? null : new LivePosition(member, mutexRule, onQueued, 2);
    const begin = (ahead: readonly string[]): void => {
      const wanted = ahead.reduce((sum, name) => sum + permitsOf(name), permits);
      // Those for whom there is room are on their way through, which is not worth anybody's patience.
      if (ahead.length > 0 && room.hasRoomFor(wanted)) {
        patience.waitBriefly();
        return;
      }
      if (maxWaiters !== undefined && ahead.length >= maxWaiters) {
        throw new TooManyWaitersError(this.path, ahead.length, maxWaiters);
      }
      patience.wait();
    };
    const onLine = (names: readonly string[]): void => {
      const ordered = mutexRule.inOrder(names);
      begin(ordered.slice(0, ordered.indexOf(member.name)));
      position?.start(names);
    };
    // The first look was sent right after the list of the line: it counts if nobody stood before by then. Else it is a hint; and those who
    // have taken leases before it are not to be counted among those who stand ahead as well.
    const wasFirst = member.siblings !== null && mutexRule.obstacleOf(member.name, member.siblings) === null;
    if (!wasFirst) member.forgetSiblings();
    try {
      await untilAdmitted(member, mutexRule.obstacleOf, { signal, onQueued: onLine });
      if (!wasFirst) await room.look(signal);
      if (room.hasRoomFor(permits)) return;
      begin([]);
      position?.tellFirst();
      await withinSession(this.#keeper, member.epoch, signal, (within) => room.until(permits, within));
    } finally {
      position?.stop();
    }
  }

  /** Step 4. */
  async #take(
    member: Member,
    permits: number,
    keeper: Keeper,
    signal: AbortSignal | undefined,
  ): Promise<[Member, ...Member[]]> {
    const lease = { mode: 'EPHEMERAL_SEQUENTIAL', protection: true } as const;
    let transaction = keeper.transaction().creatingParents().check(member.path);
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

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), permits: this.permits };
  }
}
