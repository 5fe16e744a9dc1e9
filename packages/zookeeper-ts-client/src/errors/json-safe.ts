/** Returns the own enumerable properties of an object. 64-bit values become text, because JSON numbers cannot hold them. */
export function withoutBigints(record: object): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]) => [
    key,
    typeof value === 'bigint' ? String(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * Adds a `toJSON` that is not enumerable to a plain object, so that `JSON.stringify` writes its 64-bit values as text.
 *
 * @returns the same object
 */
export function jsonSafe<T extends object>(record: T): T {
  return Object.defineProperty(record, 'toJSON', { value: () => withoutBigints(record), configurable: true });
}
