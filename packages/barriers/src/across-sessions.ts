import { type Keeper, SessionExpiredError } from '@zk-recipes/core';

/** Begins something anew in the next session as often as the one has expired in which it was waiting. */
export async function acrossSessions<T>(
  keeper: Keeper,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SessionExpiredError) || keeper.closed || signal?.aborted) throw error;
    }
  }
}
