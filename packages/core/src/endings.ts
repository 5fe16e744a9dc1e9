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

/**
 * Checks how something is to be ended.
 *
 * @returns the limit in milliseconds
 * @throws {TypeError} what was given is no object; {RangeError} the limit is out of its range
 */
export function checkEnding(options: EndingOptions = {}): number {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Expected \`options\` to be { timeoutMs }, got ${options === null ? 'null' : typeof options}`);
  }
  const { timeoutMs = DEFAULT_MS } = options;
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= LONGEST_MS)) {
    throw new RangeError(`Expected \`timeoutMs\` to be a number from 0 to ${LONGEST_MS}, got ${String(timeoutMs)}`);
  }
  return timeoutMs;
}
