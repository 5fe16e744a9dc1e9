import { NoNodeError, systemClock } from 'zookeeper-ts-client';
import type { Transaction } from '../builders/transaction.js';
import type { ConnectionState } from '../connection-state.js';
import { checkEnding, type EndingOptions } from '../endings.js';
import { HoldLostError, type HoldLostReason, NotHeldError } from '../errors.js';
import type { Keeper } from '../keeper.js';
import { Change } from './change.js';
import { LazySignal } from './lazy-signal.js';
import type { Member } from './member.js';
import { persevere } from './persevere.js';
import { epochValidForMs, onSessionLapse } from './session-lapse.js';

/**
 * Condition under which a hold counts as lost. `session`: its session may be over on the server. `connection`: the connection is lost.
 *
 * @see Curator's `ConnectionStateErrorPolicy`
 */
export type LossPolicy = 'session' | 'connection';

/** Hold of a lock, a lease or a leadership. It ends with its session, and reports its end before another contender can be granted it. */
export interface Hold extends AsyncDisposable {
  /** Path of the own znode. */
  readonly path: string;
  /**
   * Transaction that created the own znode. Of two holds of one path, the later hold has the larger token, so that a resource can refuse
   * a late holder.
   */
  readonly fencingToken: bigint;
  /**
   * Aborts with a `HoldLostError` before the server can grant the hold to another contender, and on release. Its `aborted` is computed at
   * each read, so it is right even if the event loop was blocked or the process stopped.
   */
  readonly signal: AbortSignal;
  /** State, computed at each read. `lost` and `released` are final. */
  readonly state: 'held' | 'lost' | 'released';
  /** Returns the milliseconds for which the hold certainly stands, computed at each call; 0 when it is not held. */
  validForMs(): number;
  /**
   * Begins a transaction that commits only while this hold stands, even if the process was paused in between. Its first operations check
   * the own znode, or all of them if there are several. If the hold no longer stands, `commit()` rejects with a `MultiError` whose
   * `failedIndex` is below their number.
   *
   * @throws {NotHeldError} when the hold no longer stands
   */
  guard(): Transaction;
  /**
   * Releases the hold: `signal` aborts at once, and the own znode is deleted, in the background until it is gone or the session is over.
   * Idempotent; also resolves if the hold has already ended.
   *
   * @param options.timeoutMs longest wait for the delete, in milliseconds: default 2,000, from 0 to 2^31-1. Without a connection
   *   `release` does not wait. Remaining work becomes a `backgroundError` with the operation `left behind`
   * @throws {KeeperError} when the server refuses the delete; again at each call
   */
  release(options?: EndingOptions): Promise<void>;
}

/**
 * Expected deleter of an own znode: another client, or this process. `seen` means that a deletion happened that may be this process's
 * own.
 */
type Deletion = 'foreign' | 'own' | 'seen';

/** Options of a hold. */
export interface MemberHoldOptions {
  /** Condition under which the hold counts as lost. Default `session`. */
  readonly lossPolicy?: LossPolicy | undefined;
  /** Called with the data of the own znode, once and after each change by any client. */
  readonly onData?: ((data: Uint8Array | null) => void) | undefined;
}

/** Hold of one or several places. It stands as long as every own znode belongs to this session and the session is certainly alive. */
export class MemberHold implements Hold {
  readonly path: string;
  readonly fencingToken: bigint;
  readonly #members: readonly Member[];
  readonly #keeper: Keeper;
  readonly #epoch: number;
  readonly #onData: ((data: Uint8Array | null) => void) | undefined;
  readonly #signal = new LazySignal(() => this.#look());
  #cancelLapse: (() => void) | undefined;
  #state: 'held' | 'lost' | 'released' = 'held';
  /** Whether other code has deleted the own znodes. */
  #isHandedOver = false;
  #deletion: Deletion = 'foreign';

  /** @param members places of one session, created by one transaction if there are several; `path` is the path of the first */
  constructor(members: Member | readonly [Member, ...Member[]], options: MemberHoldOptions = {}) {
    this.#members = 'path' in members ? [members] : members;
    const [{ path, czxid, keeper, epoch }] = this.#members as readonly [Member];
    this.#keeper = keeper;
    this.#epoch = epoch;
    this.#onData = options.onData;
    this.path = path;
    this.fencingToken = czxid;
    for (const member of this.#members) member.forgetSiblings();
    if (options.lossPolicy === 'connection') {
      keeper.on('state', this.#onState);
      // The connection may have been lost since the server's reply.
      this.#onState(keeper.connectionState);
    }
    // The timer and the watch start in the next turn of the event loop: a hold that is released before needs neither.
    if (this.#state === 'held') systemClock.afterIo(() => this.#attend());
  }

  get signal(): AbortSignal {
    this.#look();
    return this.#signal.signal;
  }

  get state(): 'held' | 'lost' | 'released' {
    this.#look();
    return this.#state;
  }

  validForMs(): number {
    this.#look();
    return this.#state === 'held' ? epochValidForMs(this.#keeper, this.#epoch) : 0;
  }

  guard(): Transaction {
    this.#look();
    if (this.#state !== 'held') throw new NotHeldError(this.path, { cause: this.#signal.signal.reason });
    return this.#members.reduce((transaction, { path }) => transaction.check(path), this.#keeper.limited.transaction());
  }

  /**
   * Asks the owner to release the hold: the signal aborts, while the znode stays until `release`, so that no other contender is granted
   * the hold before.
   *
   * @param reason default `interrupted`; `released` if the owner itself is about to remove the znode
   */
  interrupt(reason: 'interrupted' | 'released' = 'interrupted'): void {
    this.#look();
    this.#end('released', reason);
  }

  /** Returns the hold as an object for logs. */
  toJSON(): Record<string, unknown> {
    return { path: this.path, fencingToken: String(this.fencingToken), state: this.state };
  }

  async release(options?: EndingOptions): Promise<void> {
    const timeoutMs = checkEnding(options);
    this.#look();
    this.#end('released', 'released');
    if (this.#isHandedOver) return;
    const [first, ...others] = this.#members as readonly [Member, ...Member[]];
    if (others.length === 0) await first.withdraw({ timeoutMs });
    else await Promise.all(this.#members.map((member) => member.withdraw({ timeoutMs })));
  }

  /** Releases the hold and never rejects; a refusal becomes a `backgroundError` event. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  /**
   * Ends the hold by an operation that deletes the own znodes itself, such as a transaction that replaces this hold by another. If the
   * operation fails, the hold stands as long as its znodes do.
   *
   * @param transfer resolves when the operation is done
   * @throws {NotHeldError} when a hand-over is already in progress
   */
  async handOver<T>(transfer: () => Promise<T>): Promise<T> {
    if (this.#deletion !== 'foreign')
      throw new NotHeldError(this.path, { cause: new Error('it is being handed over') });
    this.#deletion = 'own';
    try {
      const result = await transfer();
      this.#end('released', 'released');
      this.#isHandedOver = true;
      return result;
    } finally {
      const isDeleted = (this.#deletion as Deletion) === 'seen';
      this.#deletion = 'foreign';
      if (isDeleted) this.#lose('deleted');
    }
  }

  /** Checks the clock. Every read of the hold does this, because a timer fires too late after a pause. */
  #look(): void {
    if (this.#state === 'held' && epochValidForMs(this.#keeper, this.#epoch) <= 0) this.#lose(this.#reason());
  }

  #reason(): HoldLostReason {
    if (this.#keeper.closed) return 'closed';
    return this.#keeper.sessionEpoch === this.#epoch ? 'validity' : 'expired';
  }

  readonly #onState = (state: ConnectionState): void => {
    if (state === 'SUSPENDED' || state === 'READ_ONLY') this.#lose('suspended');
  };

  #attend(): void {
    if (this.#state !== 'held') return;
    this.#cancelLapse = onSessionLapse(this.#keeper, this.#epoch, (reason) => this.#lose(reason));
    if (this.#state !== 'held') return;
    for (const member of this.#members) void this.#watch(member);
  }

  /** Watches the znode, which another client may delete or write to by hand. */
  async #watch({ path, sessionId }: Member): Promise<void> {
    const { signal } = this.#signal;
    const onFailure = (error: unknown): void => this.#keeper.reportBackgroundError(error, 'watch of a hold', path);
    const untilLost = async (): Promise<void> => {
      if (!(await this.#isGone(path, sessionId, signal))) return;
      if (this.#deletion === 'foreign') this.#lose('deleted');
      else this.#deletion = 'seen';
    };
    // Only the end of the hold, or of the `Keeper`, makes `persevere` reject.
    await persevere(this.#keeper, untilLost, { signal, onFailure }).catch(() => {});
  }

  /** Resolves with `true` when the own znode is gone, or belongs to another session. */
  async #isGone(path: string, sessionId: bigint, signal: AbortSignal): Promise<true> {
    try {
      for (;;) {
        const change = new Change();
        const read = this.#keeper.getData().withStat().watching(change.happened);
        const { data, stat } = await read.forPath(path, { signal });
        if (stat.ephemeralOwner !== sessionId) return true;
        this.#onData?.(data);
        const { type } = await change.orThrow(signal);
        // The same event wakes the next waiter. Another read would delay this hold's end until after the waiter's grant.
        if (type === 'NodeDeleted') return true;
      }
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      return true;
    }
  }

  #lose(reason: HoldLostReason): void {
    if (!this.#end('lost', reason)) return;
    // If the session comes back, the znode must not block other contenders. The background reports a refusal.
    for (const member of this.#members) member.remove().catch(() => {});
  }

  /** @returns whether the hold stood until now */
  #end(state: 'lost' | 'released', reason: HoldLostReason): boolean {
    if (this.#state !== 'held') return false;
    this.#state = state;
    this.#cancelLapse?.();
    this.#keeper.off('state', this.#onState);
    this.#signal.abort(() => new HoldLostError(this.path, reason));
    return true;
  }
}
