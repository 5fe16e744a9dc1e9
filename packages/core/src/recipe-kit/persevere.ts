import { retryByPolicy } from '../execution/retry-loop.js';
import { PERSEVERANCE } from '../execution/retry-policy.js';
import type { Keeper } from '../keeper.js';

/** How to go on in spite of failures. */
export interface PersevereOptions {
  /** Gives up: rejects with its reason. */
  readonly signal: AbortSignal;
  /** Told of each failure; a further attempt follows it. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Does something in the background until it succeeds, with pauses between the attempts that grow to a few seconds. An attempt that is
 * under way is waited for, also when the signal aborts.
 *
 * @throws the signal's reason; the last error when the `Keeper` is closed
 */
export async function persevere<T>(
  keeper: Keeper,
  task: () => Promise<T>,
  { signal, onFailure }: PersevereOptions,
): Promise<T> {
  signal.throwIfAborted();
  return await retryByPolicy(
    async () => {
      try {
        return await task();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (keeper.closed) throw error instanceof Error ? error : new Error(String(error));
        onFailure(error);
        // What is no error, and most TypeErrors, would end the retries; here they are failures like any other.
        throw error instanceof Error && !(error instanceof TypeError)
          ? error
          : new Error(String(error), { cause: error });
      }
    },
    PERSEVERANCE,
    { signal, shouldRetry: () => !keeper.closed },
  );
}
