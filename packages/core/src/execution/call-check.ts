import { asData, checkRequestOptions, received, type ZnodeData } from 'zookeeper-ts-client';
import type { CallOptions } from './execution.js';

/**
 * Checks what a call was given last.
 *
 * @param where whose options they are, for the message, e.g. `getData().forPath`
 * @returns its signal
 * @throws TypeError for an unknown option, which it names, or a signal that is none
 */
export function signalOf(where: string, options: CallOptions): AbortSignal | undefined {
  checkRequestOptions(where, options);
  return options.signal;
}

/**
 * Tells data and options apart, where options may stand in the place of data.
 *
 * @throws TypeError for what is neither: options are a plain object with nothing but `signal`
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
