import * as z from 'zod/mini';
import { checkOptions } from './check-options.js';

/** Options of an ending, such as `close` or `release`. */
export interface EndingOptions {
  /**
   * Longest wait for the work with the server, in milliseconds: default 2,000, from 0 to 2^31-1. The limit does not apply to a function
   * of the caller. The znode that protects such a function stays until the function has ended.
   */
  readonly timeoutMs?: number | undefined;
}

/** Default of `timeoutMs`. */
const DEFAULT_MS = 2_000;
const LONGEST_MS = 2 ** 31 - 1;

const schema = z.strictObject({ timeoutMs: z.optional(z.number().check(z.minimum(0), z.maximum(LONGEST_MS))) });

/**
 * Checks the options of an ending.
 *
 * @returns limit in milliseconds
 * @throws {TypeError} when `options` is not an object, or has other options
 * @throws {RangeError} when the limit is out of range
 */
export function checkEnding(options?: EndingOptions): number {
  if (options === undefined) return DEFAULT_MS;
  checkOptions('an ending', schema, options);
  return options.timeoutMs ?? DEFAULT_MS;
}
