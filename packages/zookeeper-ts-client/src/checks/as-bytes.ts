import { types } from 'node:util';
import { received } from './received.js';

/**
 * The border for bytes: what a codec made, or a caller gave, before anything is sent. Other views, arrays, buffers and promises would be
 * stored as other bytes than meant.
 *
 * @param what made or named them, for the message, e.g. `the result of \`encode\``
 * @throws TypeError for what is no `Uint8Array` (a `Buffer` is one)
 */
export function asBytes(value: unknown, what: string): Uint8Array {
  if (types.isUint8Array(value)) return value;
  throw new TypeError(`Expected ${what} to be a Uint8Array, got ${received(value, true)}`);
}

/**
 * The border for the data of a znode: bytes, a string that becomes UTF-8, or `null`, which is not the same as empty.
 *
 * @param what names it, for the message, e.g. `\`data\``
 * @throws TypeError for anything else
 */
export function asData(value: unknown, what: string): Uint8Array | null {
  if (value === null || types.isUint8Array(value)) return value;
  if (typeof value === 'string') return Buffer.from(value);
  throw new TypeError(`Expected ${what} to be a Uint8Array, a string or null, got ${received(value, true)}`);
}
