import { NoNodeError } from 'zookeeper-ts-client';
import type { Transaction } from '../builders/transaction.js';
import type { ConnectionState } from '../connection-state.js';
import { HoldLostError, type HoldLostReason, NotHeldError } from '../errors.js';
import type { Keeper } from '../keeper.js';
import { Change } from './change.js';
import type { Member } from './enrolment.js';
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
   * own znode. When it stands no more `commit()` rejects with a `MultiError` whose `failedIndex` is 0.
   *
   * @throws NotHeldError if it is not held any more
   */
  guard(): Transaction;
  /** Lets go. Idempotent; resolves also if there is nothing left to let go of. */
  release(): Promise<void>;
}

/** A hold by a place in a line: stands as long as the own znode is this session's and the session certainly lives. */
export class MemberHold implements Hold {
  readonly path: string;
  readonly fencingToken: bigint;
  readonly #member: Member;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #cancelLapse: () => void;
  readonly #policy: LossPolicy;
  #state: 'held' | 'lost' | 'released' = 'held';
  #release: Promise<void> | null = null;

  constructor(member: Member, policy: LossPolicy = 'session') {
    this.#member = member;
    this.#policy = policy;
    this.path = member.path;
    this.fencingToken = member.czxid;
    this.#signal = truthful(this.#controller.signal, () => this.#look());
    member.keeper.on('state', this.#onState);
    this.#cancelLapse = onSessionLapse(member.keeper, member.epoch, (reason) => this.#lose(reason));
    // The connection may have been lost since the server answered.
    this.#onState(member.keeper.connectionState);
    if (this.#state === 'held') void this.#watchOwnZnode();
  }

  get signal(): AbortSignal {
    this.#look();
    return this.#signal;
  }

  get state(): 'held' | 'lost' | 'released' {
    this.#look();
    return this.#state;
  }

  validForMs(): number {
    this.#look();
    return this.#state === 'held' ? epochValidForMs(this.#keeper, this.#member.epoch) : 0;
  }

  guard(): Transaction {
    this.#look();
    if (this.#state !== 'held') throw new NotHeldError(this.path, { cause: this.#controller.signal.reason });
    return this.#keeper.transaction().check(this.path);
  }

  /** Asks the owner to let go: the signal aborts, while the znode stays until `release`, so that nobody else comes in before. */
  interrupt(): void {
    this.#look();
    this.#end('released', 'interrupted');
  }

  release(): Promise<void> {
    this.#look();
    this.#end('released', 'released');
    this.#release ??= this.#member.withdraw();
    return this.#release;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  get #keeper(): Keeper {
    return this.#member.keeper;
  }

  /** The clock is asked whenever the hold is: a timer comes too late after a pause. */
  #look(): void {
    if (this.#state === 'held' && epochValidForMs(this.#keeper, this.#member.epoch) <= 0) this.#lose(this.#reason());
  }

  #reason(): HoldLostReason {
    if (this.#keeper.closed) return 'closed';
    return this.#keeper.sessionEpoch === this.#member.epoch ? 'validity' : 'expired';
  }

  readonly #onState = (state: ConnectionState): void => {
    if (this.#policy === 'connection' && (state === 'SUSPENDED' || state === 'READ_ONLY')) this.#lose('suspended');
  };

  /** Somebody may delete the znode by hand. */
  async #watchOwnZnode(): Promise<void> {
    const { signal } = this.#controller;
    const onFailure = (error: unknown): void => {
      this.#keeper.reportBackgroundError(error, 'watch of a hold', this.path);
    };
    // Only the end of the hold, or of the `Keeper`, makes it reject.
    await persevere(this.#keeper, () => this.#untilDeleted(signal), { signal, onFailure }).catch(() => {});
  }

  async #untilDeleted(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        const change = new Change();
        const read = this.#keeper.getData().withStat().watching(change.happened);
        const { stat } = await read.forPath(this.path, { signal });
        if (stat.ephemeralOwner !== this.#member.sessionId) return this.#lose('deleted');
        await change.orThrow(signal);
      }
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      this.#lose('deleted');
    }
  }

  #lose(reason: HoldLostReason): void {
    if (!this.#end('lost', reason)) return;
    // If the session comes back the znode must not stand in the way of the others.
    this.#member.withdraw().catch((error: unknown) => {
      this.#keeper.reportBackgroundError(error, 'removal of a lost hold', this.path);
    });
  }

  /** @returns whether it was held until now */
  #end(state: 'lost' | 'released', reason: HoldLostReason): boolean {
    if (this.#state !== 'held') return false;
    this.#state = state;
    this.#cancelLapse?.();
    this.#keeper.off('state', this.#onState);
    this.#controller.abort(new HoldLostError(this.path, reason));
    return true;
  }
}

/** Makes `aborted` and `throwIfAborted` of a signal look at the clock first. */
function truthful(signal: AbortSignal, look: () => void): AbortSignal {
  const proto = Object.getPrototypeOf(signal) as AbortSignal;
  const aborted = Object.getOwnPropertyDescriptor(proto, 'aborted')?.get;
  return Object.defineProperties(signal, {
    aborted: {
      get: () => {
        look();
        return aborted?.call(signal);
      },
    },
    throwIfAborted: {
      value: () => {
        look();
        proto.throwIfAborted.call(signal);
      },
    },
  });
}
