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

function atLeast(name: string, value: number, least: number): number {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`Expected \`${name}\` to be a number, got ${value}`);
  if (value < least) throw new RangeError(`Expected \`${name}\` to be at least ${least}, got ${value}`);
  return value;
}

function wholeNumber(name: string, value: number): number {
  atLeast(name, value, 0);
  if (!Number.isInteger(value)) throw new RangeError(`Expected \`${name}\` to be a whole number, got ${value}`);
  return value;
}

/**
 * Delays that double from `baseDelayMs` up to `maxDelayMs`, each stretched at random by up to 2.
 *
 * @param options.baseDelayMs delay before the first repetition, at least 0
 * @param options.maxDelayMs no delay is longer, at least 0
 * @param options.maxRetries attempts after the first, a whole number from 0
 * @throws {RangeError} an option is out of its range
 */
export function exponentialBackoff(options: {
  baseDelayMs: number;
  maxDelayMs: number;
  maxRetries: number;
}): RetryPolicy {
  return {
    retries: wholeNumber('maxRetries', options.maxRetries),
    baseDelayMs: atLeast('baseDelayMs', options.baseDelayMs, 0),
    maxDelayMs: atLeast('maxDelayMs', options.maxDelayMs, 0),
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
 * @throws {RangeError} an option is out of its range
 */
export function retryNTimes(options: { retries: number; delayMs: number }): RetryPolicy {
  return evenly(wholeNumber('retries', options.retries), options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Repetitions without end: the caller's `signal`, the closing of the `Keeper` and its `operationTimeoutMs` stop them. Without end they are
 * only beside `operationTimeoutMs: Infinity`.
 *
 * @param options.delayMs delay before each, at least 0
 * @throws {RangeError} an option is out of its range
 */
export function retryForever(options: { delayMs: number }): RetryPolicy {
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, Number.POSITIVE_INFINITY);
}

/**
 * Repetitions until so much time has passed since the first attempt began.
 *
 * @param options.maxElapsedMs at least 0
 * @param options.delayMs delay before each, at least 0
 * @throws {RangeError} an option is out of its range
 */
export function retryUntilElapsed(options: { maxElapsedMs: number; delayMs: number }): RetryPolicy {
  return evenly(Number.POSITIVE_INFINITY, options.delayMs, atLeast('maxElapsedMs', options.maxElapsedMs, 0));
}

function evenly(retries: number, delayMs: number, maxElapsedMs: number): RetryPolicy {
  const baseDelayMs = atLeast('delayMs', delayMs, 0);
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
