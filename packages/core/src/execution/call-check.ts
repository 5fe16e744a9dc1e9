import { asData, checkRequestOptions, received, type ZnodeData } from 'zookeeper-ts-client';
import type { CallOptions } from './execution.js';

/**
 * Checks the options of a call, which are its last argument.
 *
 * @param where owner of the options for the message, e.g. `getData().forPath`
 * @returns signal of the options
 * @throws {TypeError} when an option is unknown, or the signal is not a signal; the message names the option
 */
export function signalOf(where: string, options: CallOptions): AbortSignal | undefined {
  checkRequestOptions(where, options);
  return options.signal;
}

/**
 * Separates data and options of a call that takes options in the place of data.
 *
 * @throws {TypeError} when the value is neither data nor options: options are a plain object with no other property than `signal`
 */
export function dataOrOptions(
  where: string,
  value: ZnodeData | CallOptions | undefined,
  last: CallOptions | undefined,
): { readonly data: Uint8Array | null | undefined; readonly signal: AbortSignal | undefined } {
  if (value === undefined) return { data: undefined, signal: signalOf(where, last ?? {}) };
  if (last === undefined && isCallOptions(value)) return { data: undefined, signal: signalOf(where, value) };
  if (last === undefined && typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    const expected = 'a Uint8Array, a string or null, or options { signal }';
    throw new TypeError(`Expected \`data\` of ${where} to be ${expected}, got ${received(value)}`);
  }
  return { data: asData(value, `\`data\` of ${where}`), signal: signalOf(where, last ?? {}) };
}

function isCallOptions(value: unknown): value is CallOptions {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) && Object.keys(value).every((name) => name === 'signal')
  );
}
