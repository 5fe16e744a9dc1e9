import { type Keeper, NoNodeError } from '@zk-recipes/core';
import { untilDeleted } from '@zk-recipes/core/recipe-kit';
import { REVOKE } from './lock-hold.js';
import type { RevokeOptions } from './options.js';

/**
 * Asks the holder of a znode to let go, and waits until it has.
 *
 * @see org.apache.curator.framework.recipes.locks.Revoker, whose mark this is
 */
export async function revoke(keeper: Keeper, path: string, { signal, forceAfterMs }: RevokeOptions): Promise<void> {
  const force = new AbortController();
  const timer = forceAfterMs === undefined ? undefined : setTimeout(() => force.abort(), forceAfterMs);
  try {
    // The time is the holder's: it begins when the holder can know.
    await keeper.setData().idempotent().forPath(path, REVOKE, { signal });
    await untilDeleted(keeper, path, {
      signal: signal === undefined ? force.signal : AbortSignal.any([signal, force.signal]),
    });
  } catch (error) {
    if (error instanceof NoNodeError) return;
    signal?.throwIfAborted();
    if (!force.signal.aborted) throw error;
    await keeper.delete().quietly().guaranteed().forPath(path);
  } finally {
    clearTimeout(timer);
  }
}
