import { ClosedError, SessionExpiredError } from 'zookeeper-ts-client';
import type { Keeper } from '../keeper.js';

/**
 * Does work that does not depend on the session. If the session expires, the work is done again in the next session.
 *
 * @throws {ClosedError} when the `Keeper` is closed
 * @throws the signal's reason
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
