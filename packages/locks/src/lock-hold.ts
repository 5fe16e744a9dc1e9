import type { Hold } from '@zk-recipes/core';
import { LazySignal, type LossPolicy, type Member, MemberHold } from '@zk-recipes/core/recipe-kit';
import { RevocationRequestedError } from './errors.js';

/** A lock that is held. */
export interface LockHold extends Hold {
  /**
   * Aborts with a `RevocationRequestedError` when somebody, in whatever language, asks for the lock back: if it was acquired as `revocable`,
   * and never otherwise. The hold stands until it is released.
   */
  readonly revoked: AbortSignal;
}

/** A lock that is held for writing. */
export interface WriteHold extends LockHold {
  /**
   * Turns it into a hold for reading, in one transaction: no writer comes in between. This hold is released by that; the returned one,
   * with the same fencing token, is to be released by the caller, also inside of `run`.
   *
   * @throws NotHeldError if it is not held any more
   * @throws ReentrantAcquireError if the lock was entered again inside and is not left yet, or is being downgraded
   */
  downgrade(): Promise<LockHold>;
}

/** Several locks that are held together. */
export interface MultiHold extends Hold {
  /** The own znodes, in the order of the locks; `path` is the first of them. */
  readonly paths: readonly string[];
}

/** Permits of a semaphore that are held. */
export interface SemaphoreLease extends Hold {
  /** Number of permits. */
  readonly permits: number;
}

/** What Curator's `Revoker` writes into a znode. */
export const REVOKE: Buffer = Buffer.from('__REVOKE__');

/** How a lock is held. */
export interface LineHoldOptions {
  /** Whether to heed who asks for it back. */
  readonly revocable: boolean;
  readonly lossPolicy: LossPolicy;
}

/** The hold of one place in the line of a lock. */
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
