import { asBytes, asJson, received } from '@zk-recipes/core/recipe-kit';

/** Turns values into the bytes that a znode holds, and back. */
export interface Codec<T> {
  /** The bytes must be a `Uint8Array`, not the promise of one: `put` rejects with a `TypeError` for anything else. */
  encode(value: T): Uint8Array;
  /** What it throws, or rejects with, makes the item a dead letter; its message is the reason. */
  decode(bytes: Uint8Array): T | Promise<T>;
}

/** A schema of any library that keeps to Standard Schema, zod among them. @see https://standardschema.dev */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What a schema has against a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Values as JSON.
 *
 * @param schema checks, and may change, what is decoded; without one anything goes
 */
export function jsonCodec<T = unknown>(schema?: StandardSchema<T>): Codec<T> {
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError('Expected `schema` to be a Standard Schema, with a function `~standard.validate`');
  }
  return {
    encode: (value) => asJson(value, 'the value'),
    decode(bytes) {
      const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
      if (schema === undefined) return value as T;
      const result = schema['~standard'].validate(value);
      return result instanceof Promise ? result.then(checkedValue) : checkedValue(result);
    },
  };
}

/** Text as UTF-8. */
export const textCodec: Codec<string> = {
  encode: (value) => {
    if (typeof value !== 'string') throw new TypeError(`Expected a string for textCodec, got ${received(value)}`);
    return Buffer.from(value);
  },
  decode: (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
};

/** Bytes as they are. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => asBytes(value, 'the value for bytesCodec'),
  decode: (bytes) => bytes,
};

/**
 * Values as the bytes of items.
 *
 * @throws TypeError for what is no array, or if the codec makes something else of a value; whatever `encode` throws
 */
export function encodedAll<T>(codec: Codec<T>, values: readonly T[]): Uint8Array[] {
  if (!Array.isArray(values)) throw new TypeError(`Expected \`values\` to be an array, got ${received(values)}`);
  return values.map((value) => asBytes(codec.encode(value), 'the result of `encode` of the codec'));
}

function checkedValue<T>(result: SchemaResult<T>): T {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  throw new TypeError(`the payload does not match its schema: ${issues.join('; ')}`);
}
