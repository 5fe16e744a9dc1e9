import * as z from 'zod/mini';
import { checkOptions } from './check-options.js';

/** How something is ended. */
export interface EndingOptions {
  /**
   * How long the work with the server is waited for, in milliseconds: default 2,000, from 0 to 2^31-1. It never bounds a function of
   * the caller, and what protects such a function stays until the function has ended.
   */
  readonly timeoutMs?: number | undefined;
}

/** The default of `timeoutMs`. */
const DEFAULT_MS = 2_000;
const LONGEST_MS = 2 ** 31 - 1;

const schema = z.strictObject({ timeoutMs: z.optional(z.number().check(z.minimum(0), z.maximum(LONGEST_MS))) });

/**
 * Checks how something is to be ended.
 *
 * @returns the limit in milliseconds
 * @throws {TypeError} what was given is no object, or has other options; {RangeError} the limit is out of its range
 */
export function checkEnding(options?: EndingOptions): number {
  if (options === undefined) return DEFAULT_MS;
  checkOptions('an ending', schema, options);
  return options.timeoutMs ?? DEFAULT_MS;
}
