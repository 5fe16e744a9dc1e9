/** Turns payloads into bytes and back. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** @throws for what cannot be read */
  decode(bytes: Uint8Array): T;
}

/** Encodes a payload. @throws what the codec throws; TypeError if it returns anything but bytes */
export function encodePayload<T>(codec: Codec<T>, payload: T): Uint8Array {
  const bytes: unknown = codec.encode(payload);
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(`Expected \`encode\` of \`codec\` to return a Uint8Array, got ${kindOf(bytes)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Promise) return 'a promise';
  return typeof value;
}

/** JSON, unchecked. Default. */
export const json: Codec<unknown> = {
  encode: (value) => {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`Expected \`payload\` to be what JSON can hold, got ${typeof value}`);
    return Buffer.from(text);
  },
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')),
};
