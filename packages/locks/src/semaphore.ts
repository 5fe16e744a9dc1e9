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
 *   Of all semaphores on one path, Curator's InterProcessSemaphoreV2 included, the number of leases held with a valid clock never exceeds
 *   the limit, as long as all users have the same limit. Waiters are granted permits in the order of their arrival, also waiters for
 *   several permits: a later waiter for fewer permits does not overtake. A contender gets all of its permits or none.
 * Not guaranteed
 *   That leases are taken back when the limit is lowered. As for the mutex: that the code of a paused holder stops, and that the leases of
 *   a crashed holder are free before its session has timed out.
 * Znodes
 *   <path>/locks/_c_<uuid>-lock-<number>      ephemeral sequential: the line. A contender for several permits has `<permits>-lock-`, which
 *                                             stands in the same order.
 *   <path>/leases/_c_<uuid>-lease-<number>    ephemeral sequential, one per permit; its data identifies the holder. The same as Curator's.
 *   The shared count, if there is one: 4 bytes, big-endian.
 * Protocol
 *   1. Join the line; list line and leases in the same round trip.
 *   2. Wait as for the mutex. Only the first contender in the line may take leases, so their number does not grow meanwhile.
 *   3. While too few leases are free for the wanted permits: watch the leases, and the count.
 *   4. In one transaction check the own place, create the leases, and leave the line.
 *   5. Return the hold; it is lost if one of its leases is lost.
 *   6. Remove the leases.
 * Failures
 *   the failures of the mutex, and:
 *   reply to the transaction lost   a lease is found by its uuid: done, with all others; else the transaction is repeated
 *   place lost before step 4        the check fails: back to 1
 *   a lease is deleted by hand      the hold is lost, and its other leases are removed
 *   the count is missing or no number   InvalidLeaseLimitError
 */

const LEASE = 'lease-';

/**
 * Semaphore: a limited number of leases, which contenders hold one or several at a time.
 *
 * @see org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2
 */
export class Semaphore {
  /** Path of the semaphore. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #limit: LeaseLimit;
  readonly #data: Uint8Array | null;
  readonly #lossPolicy: LossPolicy;
  readonly #line: string;
  readonly #leases: string;

  /** @throws {TypeError} or {RangeError} when an argument is wrong; the message names the argument */
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
   * Runs a function while permits are held, and releases the permits afterwards. If the hold is lost meanwhile, its signal aborts; `run`
   * still waits for the function.
   *
   * With `timeoutMs`, `run` limits the wait for other contenders: after the limit it rejects without calling the function. With
   * `ifAvailable` it resolves with `undefined` instead.
   *
   * @returns result of the function; `undefined` if others had the permits and `ifAvailable` is set, so that the function was not called
   * @throws {AcquireTimeoutError} when others still have the permits after `timeoutMs`
   * @throws {HoldLostError} when the hold is lost before the function ends
   * @throws the error of the function, and the errors of `acquire`
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
   * @throws {RangeError} when `permits` is larger than the number of leases
   * @throws {TooManyWaitersError} when at least `maxWaiters` waiters are ahead
   * @throws {InvalidLeaseLimitError} when the shared count is missing or not a valid number
   * @throws the signal's reason
   */
  async acquire(options: SemaphoreAcquireOptions = {}): Promise<SemaphoreLease> {
    checkOptions('acquire of Semaphore', semaphoreSchemas.acquire, options);
    return await this.#acquire(options);
  }

  /**
   * Tries to acquire permits, and waits for other contenders no longer than `timeoutMs`. If contenders are ahead and enough leases are
   * free for them and the caller, the call waits for these contenders, for a second at most.
   *
   * @returns lease, or `null` if other contenders have the permits or are waiting for them ahead of the caller
   * @throws {ConnectionLossError} when no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has
   *   passed
   * @throws the errors of `acquire`
   */
  async tryAcquire(options: SemaphoreTryAcquireOptions = {}): Promise<SemaphoreLease | null> {
    checkOptions('tryAcquire of Semaphore', semaphoreSchemas.tryAcquire, options);
    return await tryWithin(this.#keeper, this.path, options, (patience) => this.#acquire(options, patience));
  }

  /** Lists all leases, of every process and language. The first of Curator's waiters already has its lease while it waits. */
  async leases(options: CallOptions = {}): Promise<Contender[]> {
    checkOptions('leases of Semaphore', schemas.call, options);
    const names = inSequence(await namesIn(this.#keeper.limited, this.#leases, options), LEASE);
    const place = { state: 'holding', position: 0 } as const;
    const leases = names.map((name) => {
      return readContender(this.#keeper.limited, childOf(this.#leases, name), place, options.signal);
    });
    return (await Promise.all(leases)).filter((lease) => lease !== null);
  }

  /** Lists the holders of leases, and then the contenders in the line. */
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
   * Changes the number of leases for all users of the shared count. A larger number wakes waiters; a smaller number does not take leases
   * back. If two callers change the number at once, one change overwrites the other.
   *
   * @throws {TypeError} when `maxLeases` of the semaphore is not a shared count
   * @throws {RangeError} when the number is out of range
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
      // If the enrolment fails, no code awaits the look, and its rejection would be unhandled.
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
      // The contenders ahead are about to take free leases: a short wait does not use up the caller's limit.
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
    // The first look follows the list of the line. The look is valid only if the own place was already the first. Otherwise the look is a
    // hint, and contenders that took leases before the look must not also be counted as contenders ahead.
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

  /** Takes the leases: step 4. */
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
