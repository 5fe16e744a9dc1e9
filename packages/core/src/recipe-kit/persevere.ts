import { systemClock } from 'zookeeper-ts-client';
import { DirectoryTooLargeError } from '../errors.js';
import { retryByPolicy } from '../execution/retry-loop.js';
import { PERSEVERANCE } from '../execution/retry-policy.js';
import { sleep } from '../execution/sleep.js';
import type { Keeper } from '../keeper.js';
import { messageOf } from '../message-of.js';

/** How to go on in spite of failures. */
export interface PersevereOptions {
  /** Gives up: rejects with its reason. */
  readonly signal: AbortSignal;
  /** Told of each failure; a further attempt follows it. */
  readonly onFailure: (error: unknown) => void;
}

/** The pause after an attempt that failed because a directory is too large, in milliseconds. */
const LARGE_DIRECTORY_PAUSE_MS = 60_000;

/** Says that an attempt failed after it had gone well for a while. Never leaves this file. */
class LateFailure extends Error {}

/**
 * Does something in the background until it succeeds, with pauses between the attempts that grow to a few seconds. An attempt that is
 * under way is waited for, also when the signal aborts.
 *
 * An attempt that failed only after more than the longest pause is followed by the next one at once, and the pauses are short again: a
 * candidate that loses its session once a day is to stand in line again at once each time.
 *
 * @throws the signal's reason; the last error when the `Keeper` is closed
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
        // It fails again until somebody has removed children: each attempt transfers the whole list.
        if (error instanceof DirectoryTooLargeError) await sleep(LARGE_DIRECTORY_PAUSE_MS, signal);
        if (systemClock.now() - beganMs > PERSEVERANCE.maxDelayMs) throw new LateFailure();
        // What is no error, and most TypeErrors, would end the retries; here they are failures like any other.
        throw error instanceof Error && !(error instanceof TypeError)
          ? error
          : new Error(messageOf(error), { cause: error });
      }
    },
    PERSEVERANCE,
    { signal, shouldRetry: (error) => !keeper.closed && !(error instanceof LateFailure) },
  );
}
