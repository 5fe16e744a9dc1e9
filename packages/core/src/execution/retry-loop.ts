import pRetry from 'p-retry';
import { systemClock } from 'zookeeper-ts-client';
import type { RetryPolicy } from './retry-policy.js';
import { sleep } from './sleep.js';

/** Options of a retry loop, besides its policy. */
export interface RetryLoopOptions {
  /** Ends the pause between two attempts, and prevents further attempts. */
  readonly signal?: AbortSignal | undefined;
  /** Time since the first attempt began, in milliseconds. Default 0. */
  readonly elapsedMs?: number;
  /** Returns whether another attempt may follow an error. Default: always. */
  readonly shouldRetry?: (error: Error) => boolean;
}

/**
 * Repeats an attempt as a retry policy says. p-retry decides whether an attempt follows. The pauses are made here, because p-retry uses
 * the global timers, which a test runner may have replaced by fake ones.
 *
 * @param attempt receives its number, from 1. A `TypeError` is never repeated
 * @throws the error of the last attempt, or the signal's reason
 */
export async function retryByPolicy<T>(
  attempt: (number: number) => Promise<T>,
  policy: RetryPolicy,
  { signal, elapsedMs = 0, shouldRetry = () => true }: RetryLoopOptions = {},
): Promise<T> {
  const deadlineMs = systemClock.now() + policy.maxElapsedMs - elapsedMs;
  return await pRetry(attempt, {
    retries: policy.retries,
    // Without a delay of its own p-retry sets no timer.
    minTimeout: 0,
    factor: 1,
    shouldRetry: async ({ error, retriesConsumed }) => {
      const leftMs = deadlineMs - systemClock.now();
      if (leftMs <= 0 || !shouldRetry(error)) return false;
      const delayMs = Math.min(delayOf(policy, retriesConsumed), leftMs);
      if (delayMs > 0) await sleep(delayMs, signal);
      return true;
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** @param repetitions number of repetitions before this one */
function delayOf({ baseDelayMs, maxDelayMs, factor, jitter }: RetryPolicy, repetitions: number): number {
  if (baseDelayMs === 0) return 0;
  const stretch = jitter ? 1 + Math.random() : 1;
  return Math.min(Math.round(stretch * baseDelayMs * factor ** repetitions), maxDelayMs);
}
