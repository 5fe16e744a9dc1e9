import { asBytes, asJson, received } from '@zk-recipes/core/recipe-kit';

/** Conversion of values to the bytes of a znode, and back. */
export interface Codec<T> {
  /** Converts a value to bytes. `put` rejects with a `TypeError` if the result is not a `Uint8Array`; a promise of one is not accepted. */
  encode(value: T): Uint8Array;
  /** Converts bytes to a value. If it throws or rejects, the item becomes a dead letter, and the error's message is the reason. */
  decode(bytes: Uint8Array): T | Promise<T>;
}

/** Schema of any library that follows Standard Schema, for example zod. @see https://standardschema.dev */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** Result of a schema's check of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Fault that a schema found in a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Creates a codec that stores values as JSON.
 *
 * @param schema checks, and may change, a decoded value; without a schema the codec accepts every value
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

/** Codec that stores text as UTF-8. */
export const textCodec: Codec<string> = {
  encode: (value) => {
    if (typeof value !== 'string') throw new TypeError(`Expected a string for textCodec, got ${received(value)}`);
    return Buffer.from(value);
  },
  decode: (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
};

/** Codec that stores bytes unchanged. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => asBytes(value, 'the value for bytesCodec'),
  decode: (bytes) => bytes,
};

/**
 * Converts values to the bytes of items.
 *
 * @throws TypeError if `values` is not an array, or the codec returns something other than bytes; the errors of `encode`
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
