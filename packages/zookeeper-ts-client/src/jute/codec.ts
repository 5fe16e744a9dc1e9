import { MarshallingError } from '../errors/errors.js';
import type { JuteReader } from './reader.js';
import type { JuteWriter } from './writer.js';

/** Writes values of a type. */
export interface Encoder<T> {
  write(writer: JuteWriter, value: T): void;
}

/** Reads values of a type. */
export interface Decoder<T> {
  read(reader: JuteReader): T;
}

/** One value that describes both directions of a record. */
export interface Codec<T> extends Encoder<T>, Decoder<T> {}

/** The value type of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** jute `boolean`: one byte. */
export const boolean: Codec<boolean> = {
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
};

/** jute `int`: four bytes, signed. */
export const int: Codec<number> = {
  write: (writer, value) => writer.int(value),
  read: (reader) => reader.int(),
};

/** jute `long`: eight bytes, signed. */
export const long: Codec<bigint> = {
  write: (writer, value) => writer.long(value),
  read: (reader) => reader.long(),
};

/** jute `long` that holds milliseconds: a number. */
export const millis: Codec<number> = {
  write: (writer, value) => writer.long(BigInt(value)),
  read: (reader) => reader.longAsNumber(),
};

/** jute `buffer`; null is not the same as empty. */
export const buffer: Codec<Uint8Array | null> = {
  write: (writer, value) => writer.buffer(value),
  read: (reader) => reader.buffer(),
};

/** jute `buffer` as it is read: always a `Buffer`. */
export const data: Codec<Buffer | null> = {
  write: (writer, value) => writer.buffer(value),
  read: (reader) => reader.buffer(),
};

/** jute `ustring` that may be null. */
export const nullableString: Codec<string | null> = {
  write: (writer, value) => writer.ustring(value),
  read: (reader) => reader.ustring(),
};

/** jute `ustring` that must be there. */
export const ustring: Codec<string> = {
  write: (writer, value) => writer.ustring(value),
  read: (reader) => {
    const value = reader.ustring();
    if (value === null) throw new MarshallingError('string expected, got null', reader.position - 4);
    return value;
  },
};

/** jute `vector<T>`; a null vector is read as an empty one, since no record of the protocol tells them apart. */
export function vector<T>(element: Codec<T>): Codec<readonly T[]> {
  const read = (reader: JuteReader): T => element.read(reader);
  return {
    write(writer, values) {
      writer.int(values.length);
      for (const value of values) element.write(writer, value);
    },
    read: (reader) => reader.vector(read) ?? [],
  };
}

interface Member<T> {
  readonly name: keyof T & string;
  readonly codec: Codec<unknown>;
}

/** A record: its fields in the order in which they are declared. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const members = Object.entries(fields).map(([name, codec]) => ({ name, codec })) as Member<T>[];
  return {
    write(writer, value) {
      for (const { name, codec } of members) codec.write(writer, value[name]);
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const { name, codec } of members) value[name] = codec.read(reader);
      return value as T;
    },
  };
}

/** The record without fields. */
export const nothing: Codec<void> = {
  write: () => {},
  read: () => undefined,
};
