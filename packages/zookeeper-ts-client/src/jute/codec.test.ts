import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoded, encoded, hex } from '../../test/bytes.js';
import { MarshallingError } from '../errors/errors.js';
import {
  boolean,
  buffer,
  type Codec,
  int,
  long,
  millis,
  nothing,
  nullableString,
  record,
  ustring,
  vector,
} from './codec.js';

interface Everything {
  readonly flag: boolean;
  readonly count: number;
  readonly zxid: bigint;
  readonly at: number;
  readonly data: Uint8Array | null;
  readonly note: string | null;
  readonly path: string;
  readonly names: readonly string[];
  readonly inner: readonly { readonly id: number }[];
}
const Everything: Codec<Everything> = record({
  flag: boolean,
  count: int,
  zxid: long,
  at: millis,
  data: buffer,
  note: nullableString,
  path: ustring,
  names: vector(ustring),
  inner: vector(record({ id: int })),
});

const text = fc.string({ unit: 'binary', maxLength: 30 });
const everything: fc.Arbitrary<Everything> = fc.record({
  flag: fc.boolean(),
  count: fc.integer(),
  zxid: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  at: fc.maxSafeInteger(),
  data: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
  note: fc.option(text),
  path: text,
  names: fc.array(text, { maxLength: 5 }),
  inner: fc.array(fc.record({ id: fc.integer() }), { maxLength: 5 }),
});

describe('record', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(everything, (value) => {
        expect(decoded(Everything, encoded(Everything, value))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('cut short anywhere is refused', () => {
    fc.assert(
      fc.property(everything, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, share) => {
        const bytes = encoded(Everything, value);
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        expect(() => decoded(Everything, cut)).toThrow(MarshallingError);
      }),
    );
  });

  it('writes its fields in the order of their declaration, whatever that of the value', () => {
    const pair = record<{ a: number; b: string }>({ a: int, b: ustring });
    expect(encoded(pair, { b: '/', a: 1 })).toEqual(hex('00000001 00000001 2f'));
  });
});

describe('codecs', () => {
  it('refuse null where a string must be, and read a null vector as an empty one', () => {
    expect(() => decoded(ustring, hex('ffffffff'))).toThrow(MarshallingError);
    expect(decoded(vector(ustring), hex('ffffffff'))).toEqual([]);
  });

  it('have one for nothing', () => {
    expect(encoded(nothing, undefined)).toHaveLength(0);
    expect(decoded(nothing, hex('00'))).toBeUndefined();
  });
});
