import { validatePath } from '@zk-recipes/core';
import type { IdentityOptions, LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { LeaseLimit } from './lease-limit.js';
import { fields, type WaitOptions } from './options.js';
import type { RunPatience } from './run-options.js';

/** Options of a semaphore. */
export interface SemaphoreOptions extends IdentityOptions {
  /** Number of leases: a number, 1 or more, that is the same for all users; or the znode of a shared count. */
  readonly maxLeases: LeaseLimit;
  /** Reaction to a lost connection. Default `session`: leases survive a short disconnection, while their clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** Options of `acquire` of a semaphore. */
export interface SemaphoreAcquireOptions extends WaitOptions {
  /** Number of permits to acquire, all or none: 1 or more, and at most the number of leases. Default 1. */
  readonly permits?: number | undefined;
  /** Limit of waiters ahead: with this number of waiters ahead or more, the call rejects with a `TooManyWaitersError`. Default: none. */
  readonly maxWaiters?: number | undefined;
}

/** Options of `run` of a semaphore. */
export interface SemaphoreRunOptions<IfAvailable extends boolean = boolean>
  extends SemaphoreAcquireOptions,
    RunPatience<IfAvailable> {}

/** Options of `tryAcquire` of a semaphore. */
export interface SemaphoreTryAcquireOptions extends Omit<SemaphoreAcquireOptions, 'maxWaiters'> {
  /**
   * Longest wait for other contenders, in milliseconds from the call on, up to 2^31-1. Default 0: no wait. The limit does not apply to
   * the servers: a later answer, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
}

const most = 2 ** 31 - 1;
const count = z.int().check(z.minimum(1), z.maximum(most));
const path = z.string().check(z.refine((value) => isPath(value), 'a path'));
const permits = z.optional(count);
const { id, data, lossPolicy, signal, onQueued, maxWaiters, timeoutMs, ifAvailable } = fields;

/** Checks of the options of a semaphore. */
export const semaphoreSchemas: Readonly<
  Record<'semaphore' | 'acquire' | 'tryAcquire' | 'run' | 'setMaxLeases', z.ZodMiniType>
> = {
  semaphore: z.strictObject({
    maxLeases: z.union([count, z.strictObject({ path, seed: z.optional(count) })]),
    id,
    data,
    lossPolicy,
  }),
  acquire: z.strictObject({ permits, signal, onQueued, maxWaiters }),
  tryAcquire: z.strictObject({ permits, signal, onQueued, timeoutMs }),
  run: z.strictObject({ permits, signal, onQueued, maxWaiters, timeoutMs, ifAvailable }),
  setMaxLeases: z.int().check(z.minimum(0), z.maximum(most)),
};

function isPath(value: string): boolean {
  try {
    validatePath(value);
    return true;
  } catch {
    return false;
  }
}
