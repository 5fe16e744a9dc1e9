import { types } from 'node:util';
import { received } from './received.js';

/**
 * Checks bytes that a codec or the caller has made, before they are sent. Other views, arrays, buffers and promises would be stored as
 * unintended bytes.
 *
 * @param what name or origin of the value for the message, e.g. `the result of \`encode\``
 * @throws {TypeError} when the value is not a `Uint8Array` (a `Buffer` is a `Uint8Array`)
 */
export function asBytes(value: unknown, what: string): Uint8Array {
  if (types.isUint8Array(value)) return value;
  throw new TypeError(`Expected ${what} to be a Uint8Array, got ${received(value, true)}`);
}

/**
 * Checks the data of a znode and converts it to bytes: bytes, a string that is sent as UTF-8, or `null`. `null` is not the same as
 * empty data.
 *
 * @param what name of the value for the message, e.g. `\`data\``
 * @throws {TypeError} when the value is neither bytes nor a string nor `null`
 */
export function asData(value: unknown, what: string): Uint8Array | null {
  if (value === null || types.isUint8Array(value)) return value;
  if (typeof value === 'string') return Buffer.from(value);
  throw new TypeError(`Expected ${what} to be a Uint8Array, a string or null, got ${received(value, true)}`);
}
