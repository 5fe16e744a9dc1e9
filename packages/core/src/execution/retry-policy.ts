import * as z from 'zod/mini';
import { checkOptions } from '../check-options.js';

/**
 * Number and delays of the repetitions of an operation. Plain data: a caller can also write a policy by hand. The first attempt is made
 * at once; the policy applies to the attempts after it.
 */
export interface RetryPolicy {
  /**
   * Largest number of attempts after the first: 0 (none) to `Infinity`. The `operationTimeoutMs` of the `Keeper` limits all of them
   * together.
   */
  readonly retries: number;
  /** Delay before the first repetition. At least 0. */
  readonly baseDelayMs: number;
  /** Longest delay. At least 0, `Infinity` for no limit. */
  readonly maxDelayMs: number;
  /** Factor between successive delays: 1 for equal delays. */
  readonly factor: number;
  /** Whether each delay is multiplied by a random factor between 1 and 2, so that many clients do not retry at the same time. */
  readonly jitter: boolean;
  /** Longest time after the first attempt at which another attempt may begin. `Infinity` for no limit. */
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
 * Creates a policy with delays that double from `baseDelayMs` up to `maxDelayMs`, each multiplied by a random factor of up to 2.
 *
 * @param options.baseDelayMs delay before the first repetition, at least 0
 * @param options.maxDelayMs longest delay, at least 0
 * @param options.maxRetries attempts after the first, a whole number from 0
 * @throws {TypeError} when an option is wrong; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
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
 * Creates a policy with a number of repetitions and the same delay before each.
 *
 * @param options.retries attempts after the first, a whole number from 0; 0 never retries
 * @param options.delayMs delay before each repetition, at least 0
 * @throws {TypeError} when an option is wrong; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
 */
export function retryNTimes(options: { retries: number; delayMs: number }): RetryPolicy {
  checkOptions('retryNTimes', timesSchema, options);
  return evenly(options.retries, options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Creates a policy without a limit of repetitions. The caller's `signal`, the closing of the `Keeper` and its `operationTimeoutMs` still
 * stop the repetitions. They continue without end only with `operationTimeoutMs: Infinity`.
 *
 * @param options.delayMs delay before each repetition, at least 0
 * @throws {TypeError} when an option is wrong; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
 */
export function retryForever(options: { delayMs: number }): RetryPolicy {
  checkOptions('retryForever', foreverSchema, options);
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Creates a policy with repetitions until a time has passed since the first attempt began.
 *
 * @param options.maxElapsedMs time in milliseconds, at least 0
 * @param options.delayMs delay before each repetition, at least 0
 * @throws {TypeError} when an option is wrong; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
 */
export function retryUntilElapsed(options: { maxElapsedMs: number; delayMs: number }): RetryPolicy {
  checkOptions('retryUntilElapsed', elapsedSchema, options);
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, options.maxElapsedMs);
}

function evenly(retries: number, baseDelayMs: number, maxElapsedMs: number): RetryPolicy {
  return { retries, baseDelayMs, maxDelayMs: baseDelayMs, factor: 1, jitter: false, maxElapsedMs };
}

/** Policy for work that must be done at some time: delays of 50 ms to 2 s, without end. */
export const PERSEVERANCE: RetryPolicy = {
  retries: Number.POSITIVE_INFINITY,
  baseDelayMs: 50,
  maxDelayMs: 2_000,
  factor: 2,
  jitter: true,
  maxElapsedMs: Number.POSITIVE_INFINITY,
};
