import * as z from 'zod/mini';
import { checkOptions } from '../check-options.js';

/**
 * How often, and after what delays, an operation is tried again. Plain data: one can also be written by hand.
 * The first attempt is made at once; the policy rules the attempts after it.
 */
export interface RetryPolicy {
  /** How many attempts may follow the first: 0 (none) to `Infinity`. The `operationTimeoutMs` of the `Keeper` bounds them all. */
  readonly retries: number;
  /** Delay before the first repetition. At least 0. */
  readonly baseDelayMs: number;
  /** No delay is longer. At least 0, `Infinity` for no bound. */
  readonly maxDelayMs: number;
  /** By what each delay is longer than the one before: 1 for equal delays. */
  readonly factor: number;
  /** Whether each delay is stretched by a random factor between 1 and 2, so that many clients do not retry in step. */
  readonly jitter: boolean;
  /** No attempt begins so long after the first. `Infinity` for no bound. */
  readonly maxElapsedMs: number;
}

const atLeast0 = z.number().check(z.minimum(0));
const duration = z.union([atLeast0, z.literal(Number.POSITIVE_INFINITY)]);
const count = z.int().check(z.minimum(0));
const backoffSchema = z.strictObject({ baseDelayMs: atLeast0, maxDelayMs: duration, maxRetries: count });
const timesSchema = z.strictObject({ retries: count, delayMs: atLeast0 });
const foreverSchema = z.strictObject({ delayMs: atLeast0 });
const elapsedSchema = z.strictObject({ maxElapsedMs: duration, delayMs: atLeast0 });

/**
 * Delays that double from `baseDelayMs` up to `maxDelayMs`, each stretched at random by up to 2.
 *
 * @param options.baseDelayMs delay before the first repetition, at least 0
 * @param options.maxDelayMs no delay is longer, at least 0
 * @param options.maxRetries attempts after the first, a whole number from 0
 * @throws {TypeError} a wrong option; {RangeError} one out of its range; both name it
 */
export function exponentialBackoff(options: {
  baseDelayMs: number;
  maxDelayMs: number;
  maxRetries: number;
}): RetryPolicy {
  checkOptions('exponentialBackoff', backoffSchema, options);
  return {
    retries: options.maxRetries,
    baseDelayMs: options.baseDelayMs,
    maxDelayMs: options.maxDelayMs,
    factor: 2,
    jitter: true,
    maxElapsedMs: Number.POSITIVE_INFINITY,
  };
}

/**
 * A number of repetitions with the same delay before each.
 *
 * @param options.retries attempts after the first, a whole number from 0; 0 never retries
 * @param options.delayMs at least 0
 * @throws {TypeError} a wrong option; {RangeError} one out of its range; both name it
 */
export function retryNTimes(options: { retries: number; delayMs: number }): RetryPolicy {
  checkOptions('retryNTimes', timesSchema, options);
  return evenly(options.retries, options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Repetitions without end: the caller's `signal`, the closing of the `Keeper` and its `operationTimeoutMs` stop them. Without end they are
 * only beside `operationTimeoutMs: Infinity`.
 *
 * @param options.delayMs delay before each, at least 0
 * @throws {TypeError} a wrong option; {RangeError} one out of its range; both name it
 */
export function retryForever(options: { delayMs: number }): RetryPolicy {
  checkOptions('retryForever', foreverSchema, options);
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Repetitions until so much time has passed since the first attempt began.
 *
 * @param options.maxElapsedMs at least 0
 * @param options.delayMs delay before each, at least 0
 * @throws {TypeError} a wrong option; {RangeError} one out of its range; both name it
 */
export function retryUntilElapsed(options: { maxElapsedMs: number; delayMs: number }): RetryPolicy {
  checkOptions('retryUntilElapsed', elapsedSchema, options);
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, options.maxElapsedMs);
}

function evenly(retries: number, baseDelayMs: number, maxElapsedMs: number): RetryPolicy {
  return { retries, baseDelayMs, maxDelayMs: baseDelayMs, factor: 1, jitter: false, maxElapsedMs };
}

/** For work that must be done some day: delays of 50 ms to 2 s, without end. */
export const PERSEVERANCE: RetryPolicy = {
  retries: Number.POSITIVE_INFINITY,
  baseDelayMs: 50,
  maxDelayMs: 2_000,
  factor: 2,
  jitter: true,
  maxElapsedMs: Number.POSITIVE_INFINITY,
};
