import { asBytes, asJson } from '@zk-recipes/core/recipe-kit';

/** Turns payloads into bytes and back. */
export interface Codec<T> {
  /** The bytes must be a `Uint8Array`, not the promise of one: `run` rejects with a `TypeError` for anything else. */
  encode(value: T): Uint8Array;
  /** @throws for what cannot be read */
  decode(bytes: Uint8Array): T;
}

/** Encodes a payload. @throws what the codec throws; TypeError if it returns anything but bytes */
export function encodePayload<T>(codec: Codec<T>, payload: T): Uint8Array {
  return asBytes(codec.encode(payload), 'the result of `encode` of the codec');
}

/** JSON, unchecked. Default. */
export const json: Codec<unknown> = {
  encode: (value) => asJson(value, '`payload`'),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')),
};
