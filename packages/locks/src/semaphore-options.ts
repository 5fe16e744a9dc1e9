import { validatePath } from '@zk-recipes/core';
import type { IdentityOptions, LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { LeaseLimit } from './lease-limit.js';
import { fields, type WaitOptions } from './options.js';
import type { RunPatience } from './run-options.js';

/** How a semaphore is made. */
export interface SemaphoreOptions extends IdentityOptions {
  /** How many leases there are: a number, 1 or more, that is the same for all users; or where to read it. */
  readonly maxLeases: LeaseLimit;
  /** Default `session`: leases stand through a short disconnection, while their clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** How to acquire permits. */
export interface SemaphoreAcquireOptions extends WaitOptions {
  /** How many, all or none; 1 or more, and no more than there are. Default 1. */
  readonly permits?: number | undefined;
  /** Rejects with a `TooManyWaitersError` instead of waiting behind so many waiters or more. Default: none. */
  readonly maxWaiters?: number | undefined;
}

/** How to run a function while permits are held. */
export interface SemaphoreRunOptions<IfAvailable extends boolean = boolean>
  extends SemaphoreAcquireOptions,
    RunPatience<IfAvailable> {}

/** How to try to acquire permits. */
export interface SemaphoreTryAcquireOptions extends Omit<SemaphoreAcquireOptions, 'maxWaiters'> {
  /**
   * Milliseconds from the call on to wait while others have them, up to 2^31-1. Default 0: not at all. It is no limit for the servers: an
   * answer that comes later, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
}

const most = 2 ** 31 - 1;
const count = z.int().check(z.minimum(1), z.maximum(most));
const path = z.string().check(z.refine((value) => isPath(value), 'a path'));
const permits = z.optional(count);
const { id, data, lossPolicy, signal, onQueued, maxWaiters, timeoutMs, ifAvailable } = fields;

/** What the options of a semaphore may be. */
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
