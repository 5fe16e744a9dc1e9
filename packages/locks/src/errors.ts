import { describeError, RecipeError } from '@zk-recipes/core';

/**
 * Acquisition of a lock that the caller already holds, inside the lock's own `run`: the caller would wait for itself forever. Make the
 * lock `reentrant`, or pass the hold on.
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

/** Number of waiters ahead that reaches the limit `maxWaiters` of the caller. */
export class TooManyWaitersError extends RecipeError {
  declare readonly code: 'ZK_TOO_MANY_WAITERS';
  static {
    describeError(TooManyWaitersError, 'TooManyWaitersError', 'ZK_TOO_MANY_WAITERS');
  }
  /** Path of the lock. */
  readonly path: string;
  /** Number of waiters ahead of the caller. */
  readonly waiters: number;

  constructor(path: string, waiters: number, maxWaiters: number, options?: ErrorOptions) {
    super(`${waiters} wait for ${path} already, and maxWaiters is ${maxWaiters}`, options);
    this.path = path;
    this.waiters = waiters;
  }
}

/** Lock or permits that other contenders still had when the `timeoutMs` of `run` had passed. `run` did not call its function. */
export class AcquireTimeoutError extends RecipeError {
  declare readonly code: 'ZK_ACQUIRE_TIMEOUT';
  static {
    describeError(AcquireTimeoutError, 'AcquireTimeoutError', 'ZK_ACQUIRE_TIMEOUT');
  }
  /** Path of the lock. */
  readonly path: string;
  /** Duration of the wait of `run`, in milliseconds. */
  readonly timeoutMs: number;

  constructor(path: string, timeoutMs: number, options?: ErrorOptions) {
    super(`others still hold ${path} after ${timeoutMs} ms; the function was not called`, options);
    this.path = path;
    this.timeoutMs = timeoutMs;
  }
}

/** Request of a client to release a lock. It is the reason of `hold.revoked`. */
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

/** Znode of a shared count without a valid number of leases. */
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
