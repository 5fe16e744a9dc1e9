import { type Keeper, NoNodeError } from '@zk-recipes/core';
import { acrossSessions, follow, systemClock, unfollow, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { REVOKE } from './lock-hold.js';
import type { RevokeOptions } from './options.js';

/**
 * Asks the holder of a znode to release the lock, and waits until the znode is gone.
 *
 * @see org.apache.curator.framework.recipes.locks.Revoker, which writes the same mark
 */
export async function revoke(keeper: Keeper, path: string, { signal, forceAfterMs }: RevokeOptions): Promise<void> {
  const force = new AbortController();
  let cancelTimer = (): void => {};
  const onAbort = (): void => force.abort(signal?.reason);
  follow(signal, onAbort);
  try {
    await keeper.setData().idempotent().forPath(path, REVOKE, { signal });
    // The time limit begins when the holder can have received the request.
    if (forceAfterMs !== undefined) cancelTimer = systemClock.schedule(forceAfterMs, () => force.abort());
    // The znode of another session survives the end of the own session, so the wait continues.
    await acrossSessions(keeper, force.signal, () => untilDeleted(keeper, path, { signal: force.signal }));
  } catch (error) {
    if (error instanceof NoNodeError) return;
    signal?.throwIfAborted();
    if (!force.signal.aborted) throw error;
    await keeper.delete().quietly().guaranteed().forPath(path, { signal });
  } finally {
    cancelTimer();
    unfollow(signal, onAbort);
  }
}
