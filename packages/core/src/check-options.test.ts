import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { checkArgument, checkOptions } from './check-options.js';

const schema = z.strictObject({
  timeoutMs: z.optional(z.int().check(z.minimum(0), z.maximum(100))),
  factor: z.optional(z.number().check(z.minimum(1))),
  limit: z.optional(z.union([z.int().check(z.minimum(1)), z.literal(Number.POSITIVE_INFINITY)])),
  maxLeases: z.union([z.int().check(z.minimum(1)), z.strictObject({ path: z.string(), seed: z.optional(z.int()) })]),
  policy: z.optional(z.enum(['session', 'connection'])),
  listener: z.optional(z.custom((value) => typeof value === 'function', 'a function')),
  signal: z.optional(z.instanceof(AbortSignal)),
  name: z.optional(z.string().check(z.minLength(1))),
  names: z.optional(z.array(z.string()).check(z.minLength(1))),
  at: z.optional(z.date()),
  auth: z.optional(z.array(z.strictObject({ auth: z.instanceof(Uint8Array) }))),
});

describe('a check of options', () => {
  it.each<[unknown, string]>([
    [{ timeoutMs: '5' }, "Expected option `timeoutMs` of X to be a whole number from 0 to 100, got '5'"],
    [{ timeoutMs: 1.5 }, 'Expected option `timeoutMs` of X to be a whole number from 0 to 100, got 1.5'],
    [{ factor: null }, 'Expected option `factor` of X to be a number from 1, got null'],
    [{ limit: 'all' }, "Expected option `limit` of X to be a whole number from 1 or Infinity, got 'all'"],
    [{ policy: 'sesion' }, "Expected option `policy` of X to be 'session' or 'connection', got 'sesion'"],
    [{ listener: {} }, 'Expected option `listener` of X to be a function, got an empty object'],
    [
      { signal: new AbortController() },
      'Expected option `signal` of X to be an AbortSignal, got an object of class AbortController',
    ],
    [{ name: 7n }, 'Expected option `name` of X to be a string, got 7n'],
    [{ names: ['a', 5] }, 'Expected option `names.1` of X to be a string, got 5'],
    [{ at: new Date(Number.NaN) }, 'Expected option `at` of X to be a valid Date, got an invalid Date'],
    [
      { maxLeases: undefined },
      'Expected option `maxLeases` of X to be a whole number from 1 or an object, got undefined',
    ],
    [{ maxLeases: { path: 5 } }, 'Expected option `maxLeases.path` of X to be a string, got 5'],
  ])('refuses the wrong type of %o with a TypeError', (options, message) => {
    expect(() => checkOptions('X', schema, { maxLeases: 1, ...(options as object) })).toThrow(new TypeError(message));
  });

  it.each<[object, string]>([
    [{ timeoutMs: 101 }, 'Expected option `timeoutMs` of X to be a whole number from 0 to 100, got 101'],
    [{ factor: 0.5 }, 'Expected option `factor` of X to be a number from 1, got 0.5'],
    [{ limit: 0 }, 'Expected option `limit` of X to be a whole number from 1, got 0'],
    [{ name: '' }, "Expected option `name` of X to be not empty, got ''"],
    [{ names: [] }, 'Expected option `names` of X to be not empty, got an array of 0'],
  ])('refuses what is out of range in %o with a RangeError', (options, message) => {
    expect(() => checkOptions('X', schema, { maxLeases: 1, ...options })).toThrow(new RangeError(message));
  });

  it.each([
    [{ timeout: 5 }, 'Unknown option `timeout` of X: did you mean `timeoutMs`?'],
    [{ maxLeases: undefined, maxLease: 5 }, 'Unknown option `maxLease` of X: did you mean `maxLeases`?'],
    [{ maxLeases: { pth: '/a' } }, 'Unknown option `maxLeases.pth` of X: did you mean `path`?'],
    [{ maxLeases: { path: '/a', color: 1 } }, 'Unknown option `maxLeases.color` of X: expected one of `path`, `seed`'],
  ])('names the option that was probably meant by %o', (options, message) => {
    expect(() => checkOptions('X', schema, { maxLeases: 1, ...options })).toThrow(new TypeError(message));
  });

  it.each([
    [undefined, 'got undefined'],
    ['localhost:2181', "got 'localhost:2181'"],
    [[], 'got an array of 0'],
  ])('refuses %o in place of options', (options, message) => {
    expect(() => checkOptions('X', schema, options)).toThrow(
      new TypeError(`Expected the options of X to be an object, ${message}`),
    );
  });

  it('never shows what may be a secret', () => {
    const message = 'Expected option `auth.0.auth` of X to be a Uint8Array, got a string';
    expect(() => checkOptions('X', schema, { maxLeases: 1, auth: [{ auth: 'user:pw' }] })).toThrow(message);
    expect(() => checkOptions('X', schema, { maxLeases: 1, auth: 'user:pw' })).toThrow('to be an array, got a string');
  });
});

describe('a check of an argument', () => {
  it('returns what the schema makes of it, or names the argument', () => {
    const id = z.string().check(z.minLength(1));
    expect(checkArgument('id', id, 'a')).toBe('a');
    expect(() => checkArgument('id', id, 5)).toThrow(new TypeError('Expected `id` to be a string, got 5'));
    expect(() => checkArgument('id', id, '')).toThrow(new RangeError("Expected `id` to be not empty, got ''"));
  });
});
