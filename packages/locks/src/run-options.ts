import type { Keeper } from '@zk-recipes/core';
import { type Patience, tryWithin } from '@zk-recipes/core/recipe-kit';
import { AcquireTimeoutError } from './errors.js';

/** Options of the wait of `run` for other contenders. */
export interface RunPatience<IfAvailable extends boolean = boolean> {
  /**
   * Longest wait for other contenders, in milliseconds from the call on, up to 2^31-1. Default: no limit, or 0 with `ifAvailable`. The
   * limit does not apply to the servers: a later answer, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Result of `run` when other contenders still have the lock or the permits after `timeoutMs`. `true`: `run` resolves with `undefined`
   * and does not call the function. `false`, the default: `run` rejects with an `AcquireTimeoutError`.
   */
  readonly ifAvailable?: IfAvailable | undefined;
}

/** Result of `run`: the result of its function, or `undefined` if `run` may resolve without calling the function. */
export type RunResult<T, IfAvailable extends boolean> = T | (IfAvailable extends true ? undefined : never);

/**
 * Acquires a lock or permits for `run`.
 *
 * @param acquire waits no longer than the given `Patience`; `undefined` stands for no limit
 * @returns `null` if others still have the lock or the permits after `timeoutMs`, and `ifAvailable` is set
 * @throws {AcquireTimeoutError} when others still have them, and `ifAvailable` is not set
 */
export async function acquireForRun<A>(
  keeper: Keeper,
  path: string,
  options: RunPatience & { readonly signal?: AbortSignal | undefined },
  acquire: (patience?: Patience) => Promise<A>,
): Promise<A | null> {
  const { signal, ifAvailable = false, timeoutMs = ifAvailable ? 0 : undefined } = options;
  if (timeoutMs === undefined) return await acquire();
  const acquired = await tryWithin(keeper, path, { signal, timeoutMs }, acquire);
  if (acquired === null && !ifAvailable) throw new AcquireTimeoutError(path, timeoutMs);
  return acquired;
}
