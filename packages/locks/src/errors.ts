import { describeError, RecipeError } from '@zk-recipes/core';

/**
 * A lock was to be acquired by somebody who holds it already, inside of its own `run`: it would wait for itself for ever. Make the lock
 * `reentrant`, or hand the hold on.
 */
export class ReentrantAcquireError extends RecipeError {
  declare readonly code: 'ZK_REENTRANT_ACQUIRE';
  static {
    describeError(ReentrantAcquireError, 'ReentrantAcquireError', 'ZK_REENTRANT_ACQUIRE');
  }
  /** Path of the lock. */
  readonly path: string;

  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`acquiring ${path} would wait for itself: ${why}`, options);
    this.path = path;
  }
}

/** There are as many waiters already as the caller wants to stand behind, or more. */
export class TooManyWaitersError extends RecipeError {
  declare readonly code: 'ZK_TOO_MANY_WAITERS';
  static {
    describeError(TooManyWaitersError, 'TooManyWaitersError', 'ZK_TOO_MANY_WAITERS');
  }
  /** Path of the lock. */
  readonly path: string;
  /** How many stand in line before the caller. */
  readonly waiters: number;

  constructor(path: string, waiters: number, maxWaiters: number, options?: ErrorOptions) {
    super(`${waiters} wait for ${path} already, and maxWaiters is ${maxWaiters}`, options);
    this.path = path;
    this.waiters = waiters;
  }
}

/** Others still had what `run` waited for when its `timeoutMs` had passed. Its function was not called. */
export class AcquireTimeoutError extends RecipeError {
  declare readonly code: 'ZK_ACQUIRE_TIMEOUT';
  static {
    describeError(AcquireTimeoutError, 'AcquireTimeoutError', 'ZK_ACQUIRE_TIMEOUT');
  }
  /** Path of the lock. */
  readonly path: string;
  /** How long `run` has waited, in milliseconds. */
  readonly timeoutMs: number;

  constructor(path: string, timeoutMs: number, options?: ErrorOptions) {
    super(`others still hold ${path} after ${timeoutMs} ms; the function was not called`, options);
    this.path = path;
    this.timeoutMs = timeoutMs;
  }
}

/** Somebody asks for a lock back. The reason of `hold.revoked`. */
export class RevocationRequestedError extends RecipeError {
  declare readonly code: 'ZK_REVOCATION_REQUESTED';
  static {
    describeError(RevocationRequestedError, 'RevocationRequestedError', 'ZK_REVOCATION_REQUESTED');
  }
  /** Znode of the hold. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} is asked to be given back`, options);
    this.path = path;
  }
}

/** The znode of a shared count holds no number of leases. */
export class InvalidLeaseLimitError extends RecipeError {
  declare readonly code: 'ZK_INVALID_LEASE_LIMIT';
  static {
    describeError(InvalidLeaseLimitError, 'InvalidLeaseLimitError', 'ZK_INVALID_LEASE_LIMIT');
  }
  /** Path of the count. */
  readonly path: string;

  constructor(path: string, found: string, options?: ErrorOptions) {
    super(`expected ${path} to hold a number of leases as 4 bytes, big-endian, not negative; got ${found}`, options);
    this.path = path;
  }
}
