/** The own enumerable properties of an object, with values of 64 bits as text, for which JSON has no numbers. */
export function withoutBigints(record: object): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]) => [
    key,
    typeof value === 'bigint' ? String(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * Gives a plain object a `toJSON` that is not enumerable, so that `JSON.stringify` takes its values of 64 bits: as text.
 *
 * @returns the same object
 */
export function jsonSafe<T extends object>(record: T): T {
  return Object.defineProperty(record, 'toJSON', { value: () => withoutBigints(record), configurable: true });
}
