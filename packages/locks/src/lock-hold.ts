import type { Hold } from '@zk-recipes/core';
import { LazySignal, type LossPolicy, type Member, MemberHold } from '@zk-recipes/core/recipe-kit';
import { RevocationRequestedError } from './errors.js';

/** Hold of a lock. */
export interface LockHold extends Hold {
  /**
   * Aborts with a `RevocationRequestedError` when a client, in any language, requests the lock back. Only a lock that was acquired as
   * `revocable` receives requests. The hold stands until the holder releases it.
   */
  readonly revoked: AbortSignal;
}

/** Hold of a lock for writing. */
export interface WriteHold extends LockHold {
  /**
   * Turns this hold into a hold for reading, in one transaction: no other writer is granted the lock in between. The call releases this
   * hold. The caller must release the returned hold, which has the same fencing token, also inside `run`.
   *
   * @throws {NotHeldError} when the lock is no longer held
   * @throws {ReentrantAcquireError} when the lock was re-entered and an inner hold is not released, or a downgrade is in progress
   */
  downgrade(): Promise<LockHold>;
}

/** Hold of several locks together. */
export interface MultiHold extends Hold {
  /** Paths of the own znodes, in the order of the locks; `path` is the first of them. */
  readonly paths: readonly string[];
}

/** Hold of permits of a semaphore. */
export interface SemaphoreLease extends Hold {
  /** Number of permits. */
  readonly permits: number;
}

/** Data that Curator's `Revoker` writes into a znode. */
export const REVOKE: Buffer = Buffer.from('__REVOKE__');

/** Options of a hold in a line. */
export interface LineHoldOptions {
  /** Whether the hold reacts to revocation requests. */
  readonly revocable: boolean;
  readonly lossPolicy: LossPolicy;
}

/** Hold of one place in the line of a lock. */
export class LineHold extends MemberHold implements LockHold {
  readonly member: Member;
  readonly options: LineHoldOptions;
  readonly #revocation: LazySignal;

  constructor(member: Member, options: LineHoldOptions) {
    const { revocable, lossPolicy } = options;
    const revocation = new LazySignal();
    const onData = (data: Uint8Array | null): void => {
      if (data !== null && REVOKE.equals(data)) revocation.abort(() => new RevocationRequestedError(member.path));
    };
    super(member, revocable ? { lossPolicy, onData } : { lossPolicy });
    this.member = member;
    this.options = options;
    this.#revocation = revocation;
  }

  get revoked(): AbortSignal {
    return this.#revocation.signal;
  }
}
