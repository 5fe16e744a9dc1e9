import type { Codec } from '../src/jute/codec.js';
import { JuteReader } from '../src/jute/reader.js';
import { JuteWriter } from '../src/jute/writer.js';

/** Bytes of hexadecimal text; spaces and line breaks are for the reader. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

/** The bytes of records one after the other, without the length of a frame. */
export function encode(write: (writer: JuteWriter) => void): Buffer {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}

/** The bytes of one record. */
export function encoded<T>(codec: Codec<T>, value: T): Buffer {
  return encode((writer) => codec.write(writer, value));
}

/** The record that the bytes hold. */
export function decoded<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.read(JuteReader.over(bytes));
}

/** A frame: its length, then the bytes. */
export function frame(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}
