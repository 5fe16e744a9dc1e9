import { asBytes, asJson } from '@zk-recipes/core/recipe-kit';

/** Conversion of payloads to bytes, and back. */
export interface Codec<T> {
  /**
   * Converts a payload to bytes. `run` rejects with a `TypeError` if the result is not a `Uint8Array`; a promise of one is not accepted.
   */
  encode(value: T): Uint8Array;
  /** Converts bytes to a payload. @throws an error for bytes that it cannot read */
  decode(bytes: Uint8Array): T;
}

/** Encodes a payload. @throws the codec's errors; TypeError if the codec returns anything but bytes */
export function encodePayload<T>(codec: Codec<T>, payload: T): Uint8Array {
  return asBytes(codec.encode(payload), 'the result of `encode` of the codec');
}

/** Default codec, which stores payloads as JSON and checks nothing. */
export const json: Codec<unknown> = {
  encode: (value) => asJson(value, '`payload`'),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')),
};
