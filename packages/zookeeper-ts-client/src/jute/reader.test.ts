import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, hex } from '../../test/bytes.js';
import { MarshallingError } from '../errors/errors.js';
import { JuteReader } from './reader.js';

const read = <T>(bytes: string, how: (reader: JuteReader) => T): T => how(JuteReader.over(hex(bytes)));

describe('JuteReader', () => {
  it('takes any byte but 0 for true', () => {
    expect(read('000102ff', (reader) => [1, 2, 3, 4].map(() => reader.boolean()))).toEqual([false, true, true, true]);
  });

  it('tells null from empty', () => {
    expect(read('ffffffff 00000000', (reader) => [reader.buffer(), reader.buffer()])).toEqual([null, Buffer.alloc(0)]);
    expect(read('ffffffff 00000000', (reader) => [reader.ustring(), reader.ustring()])).toEqual([null, '']);
    const vectors = read('ffffffff 00000000', (reader) => [reader.vector(() => 1), reader.vector(() => 1)]);
    expect(vectors).toEqual([null, []]);
  });

  it('reads characters beyond the BMP as UTF-8 and as the pair of surrogates that Java writes', () => {
    const half = Buffer.from('a\ufffdé', 'utf8');
    const cesu = Buffer.concat([half, hex('eda0bd edb880'), Buffer.from('z'), hex('eda0bd edb880')]);
    const bytes = encode((writer) => writer.buffer(cesu));
    expect(JuteReader.over(bytes).ustring()).toBe('a\ufffdé😀z😀');
    expect(read('00000004 f09f9880', (reader) => reader.ustring())).toBe('😀');
  });

  it.each(['00000003 eda0bd', '00000003 edb880', '00000002 c328', '00000006 edb880 eda0bd', '00000001 ff'])(
    'reads the malformed %s without an error',
    (bytes) => {
      expect(read(bytes, (reader) => reader.ustring())).toContain('\ufffd');
    },
  );

  it('reads a long that is a time as a number', () => {
    const times = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(times, (time) => {
        const bytes = encode((writer) => writer.long(BigInt(time)));
        expect(JuteReader.over(bytes).longAsNumber()).toBe(time);
      }),
    );
  });

  it.each<[string, string, (reader: JuteReader) => unknown, number]>([
    ['a boolean', '', (reader) => reader.boolean(), 0],
    ['an int', '000000', (reader) => reader.int(), 0],
    ['a long', '00000000 000000', (reader) => reader.long(), 0],
    ['a buffer', '00000002 00', (reader) => reader.buffer(), 0],
    ['a string', '00000002 00', (reader) => reader.ustring(), 0],
    ['a buffer of negative length', 'fffffffe 00000000', (reader) => reader.buffer(), 0],
    ['a string of huge length', '7fffffff 00000000', (reader) => reader.ustring(), 0],
    ['a vector of negative length', 'fffffffe', (reader) => reader.vector(() => 0), 0],
    ['a vector longer than the frame', '7fffffff 0000', (reader) => reader.vector((r) => r.boolean()), 0],
  ])('refuses %s that the frame does not hold', (_, bytes, how, offset) => {
    const attempt = (): unknown => read(bytes, how);
    expect(attempt).toThrow(MarshallingError);
    expect(attempt).toThrow(expect.objectContaining({ offset }));
  });

  it('never reads beyond its frame, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(20), (bytes, tail) => {
        const whole = Buffer.concat([bytes, Buffer.alloc(tail, 1)]);
        const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
        const reader = new JuteReader().reset(whole, view, 0, bytes.length);
        try {
          for (;;) {
            reader.ustring();
            reader.buffer();
            reader.vector((inner) => inner.boolean());
          }
        } catch (error) {
          expect(error).toBeInstanceOf(MarshallingError);
        }
        expect(reader.remaining).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('copies a little data out of a large chunk, so that it does not keep the chunk', () => {
    const bytes = encode((writer) => {
      writer.buffer(Buffer.from('small'));
      writer.buffer(Buffer.alloc(4096, 1));
    });
    const reader = JuteReader.over(bytes);
    expect(reader.buffer()?.buffer).not.toBe(bytes.buffer);
    expect(reader.buffer()?.buffer).toBe(bytes.buffer);
  });
});
