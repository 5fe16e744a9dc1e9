/**
 * Locks on Apache ZooKeeper, with Curator's znodes.
 *
 * @packageDocumentation
 */

// Types of the recipes' arguments and results
export type { Contender } from '@zk-recipes/core';
// Errors
export {
  AcquireTimeoutError,
  InvalidLeaseLimitError,
  ReentrantAcquireError,
  RevocationRequestedError,
  TooManyWaitersError,
} from './errors.js';
export type { LeaseLimit, SharedLeaseLimit } from './lease-limit.js';
// Recipes
export type { Lock } from './lock.js';
export type { LockHold, MultiHold, SemaphoreLease, WriteHold } from './lock-hold.js';
export {
  type MultiAcquireOptions,
  MultiLock,
  type MultiLockOptions,
  type MultiRunOptions,
  type MultiTryAcquireOptions,
} from './multi-lock.js';
export { Mutex } from './mutex.js';
export type {
  AcquireOptions,
  CallOptions,
  LockOptions,
  RevokeOptions,
  RunOptions,
  TryAcquireOptions,
  WaitOptions,
} from './options.js';
export { ReadWriteLock } from './read-write-lock.js';
export type { RunPatience, RunResult } from './run-options.js';
export { Semaphore } from './semaphore.js';
export type {
  SemaphoreAcquireOptions,
  SemaphoreOptions,
  SemaphoreRunOptions,
  SemaphoreTryAcquireOptions,
} from './semaphore-options.js';
