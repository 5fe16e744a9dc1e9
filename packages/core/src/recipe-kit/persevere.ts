import { systemClock } from 'zookeeper-ts-client';
import { DirectoryTooLargeError } from '../errors.js';
import { retryByPolicy } from '../execution/retry-loop.js';
import { PERSEVERANCE } from '../execution/retry-policy.js';
import { sleep } from '../execution/sleep.js';
import type { Keeper } from '../keeper.js';
import { messageOf } from '../message-of.js';

/** Options of `persevere`. */
export interface PersevereOptions {
  /** Cancels the work when it aborts: the call rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called for each failure; another attempt follows. */
  readonly onFailure: (error: unknown) => void;
}

/** Pause after an attempt that failed because a directory is too large, in milliseconds. */
const LARGE_DIRECTORY_PAUSE_MS = 60_000;

/** Failure of an attempt that had run for a while. Never leaves this file. */
class LateFailure extends Error {}

/**
 * Does work in the background until it succeeds. The pauses between attempts grow to a few seconds. The call waits for an attempt in
 * progress, even when the signal aborts.
 *
 * If an attempt fails only after more than the longest pause, the next one follows at once, and the pauses are short again. Thus a
 * candidate that loses its session once a day rejoins the line at once each time.
 *
 * @throws the signal's reason, or the last error when the `Keeper` is closed
 */
export async function persevere<T>(keeper: Keeper, task: () => Promise<T>, options: PersevereOptions): Promise<T> {
  for (;;) {
    try {
      return await retryWithPauses(keeper, task, options);
    } catch (error) {
      if (!(error instanceof LateFailure)) throw error;
    }
  }
}

async function retryWithPauses<T>(
  keeper: Keeper,
  task: () => Promise<T>,
  { signal, onFailure }: PersevereOptions,
): Promise<T> {
  signal.throwIfAborted();
  return await retryByPolicy(
    async () => {
      const beganMs = systemClock.now();
      try {
        return await task();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (keeper.closed) throw error instanceof Error ? error : new Error(messageOf(error), { cause: error });
        onFailure(error);
        // The attempt fails until children are removed, and each attempt transfers the whole list.
        if (error instanceof DirectoryTooLargeError) await sleep(LARGE_DIRECTORY_PAUSE_MS, signal);
        if (systemClock.now() - beganMs > PERSEVERANCE.maxDelayMs) throw new LateFailure();
        // Thrown values that are not errors, and most TypeErrors, would end the retries; here they are failures like any other.
        throw error instanceof Error && !(error instanceof TypeError)
          ? error
          : new Error(messageOf(error), { cause: error });
      }
    },
    PERSEVERANCE,
    { signal, shouldRetry: (error) => !keeper.closed && !(error instanceof LateFailure) },
  );
}
