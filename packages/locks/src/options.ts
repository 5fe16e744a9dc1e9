import type { IdentityOptions, LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { RunPatience } from './run-options.js';

/** Options of a lock. */
export interface LockOptions extends IdentityOptions {
  /** Whether the lock can be acquired again inside its own `run`, any number of times. Default false: such a call is refused. */
  readonly reentrant?: boolean | undefined;
  /** Reaction to a lost connection. Default `session`: a hold survives a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** Options of a request. */
export interface CallOptions {
  /** Cancels the call when it aborts: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a wait for a lock. */
export interface WaitOptions extends CallOptions {
  /**
   * Called with the number of contenders ahead, 1 or more: as soon as the caller has to wait, and again whenever the number changes.
   *
   * With this option the caller receives an event for each contender that comes or leaves, so it is not suitable for thousands of waiters
   * at once. Servers before 3.6 cannot report changes; the function is then called once.
   */
  readonly onQueued?: ((position: number) => void) | undefined;
}

/** Options of `acquire` of a lock. */
export interface AcquireOptions extends WaitOptions {
  /**
   * Limit of waiters ahead: with this number of waiters ahead or more, the call rejects with a `TooManyWaitersError`. The holder does not
   * count. Default: none.
   */
  readonly maxWaiters?: number | undefined;
  /** Whether `hold.revoked` aborts when a client requests the lock back. Default false. */
  readonly revocable?: boolean | undefined;
}

/** Options of `tryAcquire` of a lock. */
export interface TryAcquireOptions extends Omit<AcquireOptions, 'maxWaiters'> {
  /**
   * Longest wait for other contenders, in milliseconds from the call on, up to 2^31-1. Default 0: no wait. The limit does not apply to
   * the servers: a later answer, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
}

/** Options of `run` of a lock. */
export interface RunOptions<IfAvailable extends boolean = boolean> extends AcquireOptions, RunPatience<IfAvailable> {}

/** Options of `revoke`. */
export interface RevokeOptions {
  /** Stops the wait for the holder: the call rejects with the signal's reason. The request to the holder remains. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, up to 2^31-1, after which the znode of a holder that has not released the lock is deleted. Default: never. */
  readonly forceAfterMs?: number | undefined;
}

const milliseconds = z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1));

/** Checks of single options. */
export const fields: Readonly<
  Record<
    'id' | 'data' | 'lossPolicy' | 'signal' | 'onQueued' | 'maxWaiters' | 'timeoutMs' | 'ifAvailable',
    z.ZodMiniType
  >
> = {
  id: z.optional(z.string()),
  data: z.optional(z.union([z.string(), z.instanceof(Uint8Array), z.null()])),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
  signal: z.optional(z.instanceof(AbortSignal)),
  onQueued: z.optional(z.custom((value) => typeof value === 'function', 'a function')),
  maxWaiters: z.optional(z.int().check(z.minimum(0))),
  timeoutMs: z.optional(milliseconds),
  ifAvailable: z.optional(z.boolean()),
};

const { id, data, lossPolicy, signal, onQueued, maxWaiters, timeoutMs, ifAvailable } = fields;
const revocable = z.optional(z.boolean());

/** Checks of the options of a lock's methods. */
export const schemas: Readonly<Record<'lock' | 'call' | 'acquire' | 'tryAcquire' | 'run' | 'revoke', z.ZodMiniType>> = {
  call: z.strictObject({ signal }),
  lock: z.strictObject({ id, data, reentrant: z.optional(z.boolean()), lossPolicy }),
  acquire: z.strictObject({ signal, onQueued, maxWaiters, revocable }),
  tryAcquire: z.strictObject({ signal, onQueued, timeoutMs, revocable }),
  run: z.strictObject({ signal, onQueued, maxWaiters, revocable, timeoutMs, ifAvailable }),
  revoke: z.strictObject({ signal, forceAfterMs: z.optional(milliseconds) }),
};
