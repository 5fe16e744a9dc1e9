import { ClosedError, SessionExpiredError } from 'zookeeper-ts-client';
import type { Keeper } from '../keeper.js';

/**
 * Does something that has nothing to do with the session in which it is done: when that expires, it is done in the next one.
 *
 * @throws ClosedError when the `Keeper` is closed; the signal's reason
 */
export async function acrossSessions<T>(
  keeper: Keeper,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SessionExpiredError) || signal?.aborted) throw error;
      if (keeper.closed) throw new ClosedError('keeper is closed', { cause: error });
    }
  }
}
