/** Turns payloads into bytes and back. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** @throws for what cannot be read */
  decode(bytes: Uint8Array): T;
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
