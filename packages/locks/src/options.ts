import type { IdentityOptions, LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { RunPatience } from './run-options.js';

/** How a lock is made. */
export interface LockOptions extends IdentityOptions {
  /** Whether it can be acquired again inside of its own `run`, as often as one likes. Default false: that is refused. */
  readonly reentrant?: boolean | undefined;
  /** Default `session`: a hold stands through a short disconnection, while its clock runs. */
  readonly lossPolicy?: LossPolicy | undefined;
}

/** How to ask for something. */
export interface CallOptions {
  /** Gives up: rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How to wait for a lock. */
export interface WaitOptions extends CallOptions {
  /**
   * Told, as soon as there is something to wait for, how many contenders stand before the caller, 1 or more, and again whenever that
   * changes. Whoever asks for that hears of everybody who comes and leaves while it waits, so it is not for thousands at once; servers
   * before 3.6 cannot tell, and it is told once.
   */
  readonly onQueued?: ((position: number) => void) | undefined;
}

/** How to acquire a lock. */
export interface AcquireOptions extends WaitOptions {
  /** Rejects with a `TooManyWaitersError` instead of waiting behind so many waiters or more. The holder does not count. Default: none. */
  readonly maxWaiters?: number | undefined;
  /** Whether `hold.revoked` aborts when somebody asks for the lock back. Default false. */
  readonly revocable?: boolean | undefined;
}

/** How to try to acquire a lock. */
export interface TryAcquireOptions extends Omit<AcquireOptions, 'maxWaiters'> {
  /**
   * Milliseconds from the call on to wait while others have it, up to 2^31-1. Default 0: not at all. It is no limit for the servers: an answer
   * that comes later, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
}

/** How to run a function while a lock is held. */
export interface RunOptions<IfAvailable extends boolean = boolean> extends AcquireOptions, RunPatience<IfAvailable> {}

/** How to ask for a lock back. */
export interface RevokeOptions {
  /** Stops waiting for its holder: rejects with its reason. What was asked stays asked. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, up to 2^31-1, after which the holder's znode is deleted if it has not let go by then. Default: never. */
  readonly forceAfterMs?: number | undefined;
}

const milliseconds = z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1));

/** What single options may be. */
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

/** What the options of a lock may be. */
export const schemas: Readonly<Record<'lock' | 'call' | 'acquire' | 'tryAcquire' | 'run' | 'revoke', z.ZodMiniType>> = {
  call: z.strictObject({ signal }),
  lock: z.strictObject({ id, data, reentrant: z.optional(z.boolean()), lossPolicy }),
  acquire: z.strictObject({ signal, onQueued, maxWaiters, revocable }),
  tryAcquire: z.strictObject({ signal, onQueued, timeoutMs, revocable }),
  run: z.strictObject({ signal, onQueued, maxWaiters, revocable, timeoutMs, ifAvailable }),
  revoke: z.strictObject({ signal, forceAfterMs: z.optional(milliseconds) }),
};
