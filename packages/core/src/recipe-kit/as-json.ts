import { received } from 'zookeeper-ts-client';
import { messageOf } from '../message-of.js';

/**
 * The bytes of a value as JSON.
 *
 * @param what names it, for the message, e.g. `\`payload\``
 * @throws TypeError for what JSON cannot hold: `undefined`, a function, a `bigint`, a circle; the cause is what `JSON.stringify` has thrown
 */
export function asJson(value: unknown, what: string): Buffer {
  const text = textOf(value, what);
  if (text === undefined) throw new TypeError(`Expected ${what} to be what JSON can hold, got ${received(value)}`);
  return Buffer.from(text);
}

function textOf(value: unknown, what: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    const message = `Expected ${what} to be what JSON can hold, got ${received(value)}: ${messageOf(error)}`;
    throw new TypeError(message, { cause: error });
  }
}
