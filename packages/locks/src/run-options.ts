import type { Keeper } from '@zk-recipes/core';
import { type Patience, tryWithin } from '@zk-recipes/core/recipe-kit';
import { AcquireTimeoutError } from './errors.js';

/** How long `run` waits for others, and what it does when they still have what it wants. */
export interface RunPatience<IfAvailable extends boolean = boolean> {
  /**
   * Milliseconds from the call on to wait while others have it, up to 2^31-1. Default: without end, or 0 with `ifAvailable`. It is no limit
   * for the servers: an answer that comes later, within `operationTimeoutMs`, still counts.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * What `run` does when others still have it after `timeoutMs`. `true`: it does not call the function and resolves with `undefined`.
   * `false`, the default: it rejects with an `AcquireTimeoutError`.
   */
  readonly ifAvailable?: IfAvailable | undefined;
}

/** What `run` resolves with: what its function returns, or `undefined` if it may resolve without having called it. */
export type RunResult<T, IfAvailable extends boolean> = T | (IfAvailable extends true ? undefined : never);

/**
 * Acquires something for `run`.
 *
 * @param acquire waits as long as the patience that it is given lasts; `undefined` stands for no limit
 * @returns `null` if others still have it after `timeoutMs`, and the caller has said `ifAvailable`
 * @throws AcquireTimeoutError if they have it, and the caller has not
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
