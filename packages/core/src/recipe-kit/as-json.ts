import { received } from 'zookeeper-ts-client';
import { messageOf } from '../message-of.js';

/**
 * Returns a value as JSON in UTF-8.
 *
 * @param what name of the value for the message, e.g. `\`payload\``
 * @throws {TypeError} when JSON cannot represent the value: `undefined`, a function, a `bigint`, a circle; the cause is the error of
 *   `JSON.stringify`
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
