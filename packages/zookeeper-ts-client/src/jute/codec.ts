import { MarshallingError } from '../errors/errors.js';
import type { JuteReader } from './reader.js';
import type { JuteWriter } from './writer.js';

/** Encoder of the values of a type. */
export interface Encoder<T> {
  write(writer: JuteWriter, value: T): void;
}

/** Decoder of the values of a type. */
export interface Decoder<T> {
  read(reader: JuteReader): T;
}

/** Encoder and decoder of the values of a type. */
export interface Codec<T> extends Encoder<T>, Decoder<T> {}

/** Value type of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** Codec of a jute `boolean`: one byte. */
export const boolean: Codec<boolean> = {
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
};

/** Codec of a jute `int`: four bytes, signed. */
export const int: Codec<number> = {
  write: (writer, value) => writer.int(value),
  read: (reader) => reader.int(),
};

/** Codec of a jute `long`: eight bytes, signed. */
export const long: Codec<bigint> = {
  write: (writer, value) => writer.long(value),
  read: (reader) => reader.long(),
};

/** Codec of a jute `long` that holds milliseconds, as a number. */
export const millis: Codec<number> = {
  write: (writer, value) => writer.long(BigInt(value)),
  read: (reader) => reader.longAsNumber(),
};

/** Codec of a jute `buffer`. `null` is not the same as an empty buffer. */
export const buffer: Codec<Uint8Array | null> = {
  write: (writer, value) => writer.buffer(value),
  read: (reader) => reader.buffer(),
};

/** Codec of a jute `buffer` that always reads a `Buffer`. */
export const data: Codec<Buffer | null> = {
  write: (writer, value) => writer.buffer(value),
  read: (reader) => reader.buffer(),
};

/** Codec of a jute `ustring` that may be null. */
export const nullableString: Codec<string | null> = {
  write: (writer, value) => writer.ustring(value),
  read: (reader) => reader.ustring(),
};

/** Codec of a jute `ustring` that must not be null. */
export const ustring: Codec<string> = {
  write: (writer, value) => writer.ustring(value),
  read: (reader) => {
    const value = reader.ustring();
    if (value === null) throw new MarshallingError('string expected, got null', reader.position - 4);
    return value;
  },
};

/**
 * Creates the codec of a jute `vector<T>`. It reads a null vector as an empty vector, since no record of the protocol distinguishes
 * them.
 */
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

/** Creates the codec of a record: its fields in the order of their declaration. */
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

/** Codec of a record without fields. */
export const nothing: Codec<void> = {
  write: () => {},
  read: () => undefined,
};
