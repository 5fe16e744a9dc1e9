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
 * When a hold counts as lost: with `session`, when its session may be over on the server; with `connection`, already when the
 * connection is lost. @see Curator's `ConnectionStateErrorPolicy`
 */
export type LossPolicy = 'session' | 'connection';

/** Something held: a lock, a lease, a leadership. It dies with its session, and says so before anybody else can have it. */
export interface Hold extends AsyncDisposable {
  /** Own znode. */
  readonly path: string;
  /** Transaction that created the own znode: of two holds of one path the later has the larger. For whoever must refuse a late holder. */
  readonly fencingToken: bigint;
  /**
   * Aborts with a `HoldLostError` before the server can give the hold to somebody else, and on release. Its `aborted` is
   * computed when asked, so it is right even if the event loop was blocked or the process stopped.
   */
  readonly signal: AbortSignal;
  /** `lost` and `released` are final. Computed when asked. */
  readonly state: 'held' | 'lost' | 'released';
  /** Milliseconds for which it is certainly held, whatever happens; 0 when not held. Computed when asked. */
  validForMs(): number;
  /**
   * Begins a transaction that commits only while this hold stands, wherever the process was paused: its first operation checks the
   * own znode, or all of them. When it stands no more `commit()` rejects with a `MultiError` whose `failedIndex` is below their number.
   *
   * @throws NotHeldError if it is not held any more
   */
  guard(): Transaction;
  /**
   * Lets go: `signal` aborts at once, and the own znode is deleted, in the background until it is gone or the session is over.
   * Idempotent; resolves also if there is nothing left to let go of.
   *
   * @param options.timeoutMs how long the delete is waited for: default 2,000, from 0 to 2^31-1. Without a connection nothing is waited
   *   for. What is left is a `backgroundError` with the operation `left behind`
   * @throws {KeeperError} the server refuses the delete: anew at each call
   */
  release(options?: EndingOptions): Promise<void>;
}

/** Whose doing the deletion of an own znode is; `seen` when it has happened and may be the own doing. */
type Deletion = 'foreign' | 'own' | 'seen';

/** How a hold is made. */
export interface MemberHoldOptions {
  /** Default `session`. */
  readonly lossPolicy?: LossPolicy | undefined;
  /** Told what the own znode holds, once and after each change, by whose hand ever. */
  readonly onData?: ((data: Uint8Array | null) => void) | undefined;
}

/**
 * A hold by a place in a line, or in several: stands as long as every own znode is this session's and the session certainly lives.
 */
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
  /** Whether something else has deleted the own znodes. */
  #isHandedOver = false;
  #deletion: Deletion = 'foreign';

  /** @param members of one session, made by one transaction if they are several; `path` is that of the first */
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
      // The connection may have been lost since the server answered.
      this.#onState(keeper.connectionState);
    }
    // Not before the next turn of the event loop: what is let go of in this one needs neither timer nor watch.
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
   * Asks the owner to let go: the signal aborts, while the znode stays until `release`, so that nobody else comes in before.
   *
   * @param reason default `interrupted`; `released` where the owner itself is about to remove the znode
   */
  interrupt(reason: 'interrupted' | 'released' = 'interrupted'): void {
    this.#look();
    this.#end('released', reason);
  }

  /** The hold for logs. */
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

  /** Releases it, and never rejects: of a refusal a `backgroundError` tells. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  /**
   * Lets go by something that deletes the own znodes itself, such as a transaction that puts another hold in the place of this one.
   * When that fails, the hold stands as long as its znodes do.
   *
   * @param transfer resolves when it is done
   * @throws NotHeldError if that is under way already
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

  /** The clock is asked whenever the hold is: a timer comes too late after a pause. */
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

  /** Somebody may delete the znode by hand, or write to it. */
  async #watch({ path, sessionId }: Member): Promise<void> {
    const { signal } = this.#signal;
    const onFailure = (error: unknown): void => this.#keeper.reportBackgroundError(error, 'watch of a hold', path);
    const untilLost = async (): Promise<void> => {
      if (!(await this.#isGone(path, sessionId, signal))) return;
      if (this.#deletion === 'foreign') this.#lose('deleted');
      else this.#deletion = 'seen';
    };
    // Only the end of the hold, or of the `Keeper`, makes it reject.
    await persevere(this.#keeper, untilLost, { signal, onFailure }).catch(() => {});
  }

  /** Resolves with `true` when the own znode is gone, or is somebody else's. */
  async #isGone(path: string, sessionId: bigint, signal: AbortSignal): Promise<true> {
    try {
      for (;;) {
        const change = new Change();
        const read = this.#keeper.getData().withStat().watching(change.happened);
        const { data, stat } = await read.forPath(path, { signal });
        if (stat.ephemeralOwner !== sessionId) return true;
        this.#onData?.(data);
        const { type } = await change.orThrow(signal);
        // The next one in the line is told by the same event: to read it first would be to hear of it later than that one.
        if (type === 'NodeDeleted') return true;
      }
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      return true;
    }
  }

  #lose(reason: HoldLostReason): void {
    if (!this.#end('lost', reason)) return;
    // If the session comes back the znode must not stand in the way of the others. Of a refusal the background tells.
    for (const member of this.#members) member.remove().catch(() => {});
  }

  /** @returns whether it was held until now */
  #end(state: 'lost' | 'released', reason: HoldLostReason): boolean {
    if (this.#state !== 'held') return false;
    this.#state = state;
    this.#cancelLapse?.();
    this.#keeper.off('state', this.#onState);
    this.#signal.abort(() => new HoldLostError(this.path, reason));
    return true;
  }
}
