import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, frame, hex } from '../../test/bytes.js';
import { JuteReader } from './reader.js';
import { JuteWriter } from './writer.js';

describe('JuteWriter', () => {
  it.each<[string, (writer: JuteWriter) => void, string]>([
    ['false', (writer) => writer.boolean(false), '00'],
    ['true', (writer) => writer.boolean(true), '01'],
    ['a negative int', (writer) => writer.int(-2), 'fffffffe'],
    ['the largest int', (writer) => writer.int(0x7fff_ffff), '7fffffff'],
    ['a long', (writer) => writer.long(0x0100_000e_c1c3_0028n), '0100000ec1c30028'],
    ['a negative long', (writer) => writer.long(-1n), 'ffffffffffffffff'],
    ['a null buffer', (writer) => writer.buffer(null), 'ffffffff'],
    ['an empty buffer', (writer) => writer.buffer(new Uint8Array()), '00000000'],
    ['a buffer', (writer) => writer.buffer(Buffer.from('y')), '00000001 79'],
    ['a null string', (writer) => writer.ustring(null), 'ffffffff'],
    ['an empty string', (writer) => writer.ustring(''), '00000000'],
    ['a string', (writer) => writer.ustring('/a'), '00000002 2f61'],
    ['a string beyond ASCII, its length in bytes', (writer) => writer.ustring('/é€'), '00000006 2f c3a9 e282ac'],
    ['a character beyond the BMP, as plain UTF-8', (writer) => writer.ustring('😀'), '00000004 f09f9880'],
  ])('writes %s', (_, write, bytes) => {
    expect(encode(write)).toEqual(hex(bytes));
  });

  it('puts the length in front of each frame, and gives several at once', () => {
    const writer = new JuteWriter();
    writer.beginFrame();
    writer.int(1);
    expect(writer.endFrame()).toBe(4);
    writer.beginFrame();
    expect(writer.endFrame()).toBe(0);
    expect(writer.pendingBytes).toBe(12);
    expect(writer.take()).toEqual(hex('00000004 00000001 00000000'));
    expect(writer.pendingBytes).toBe(0);
    expect(writer.take()).toHaveLength(0);
  });

  it('discards the frame begun last, and no other', () => {
    const writer = new JuteWriter();
    writer.beginFrame();
    writer.ustring('kept');
    writer.endFrame();
    writer.beginFrame();
    writer.buffer(Buffer.alloc(200_000));
    writer.discardFrame();
    writer.beginFrame();
    writer.int(7);
    writer.endFrame();
    expect(writer.take()).toEqual(Buffer.concat([frame(hex('00000004'), Buffer.from('kept')), frame(hex('00000007'))]));
  });

  it('grows in the middle of a frame and never writes again where it has given bytes away', () => {
    const sizes = fc.array(fc.nat({ max: 150_000 }), { minLength: 1, maxLength: 12 });
    const takes = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(sizes, takes, (lengths, takeAfter) => {
        const writer = new JuteWriter();
        const given: Buffer[] = [];
        lengths.forEach((length, index) => {
          writer.beginFrame();
          writer.buffer(Buffer.alloc(length, index + 1));
          writer.endFrame();
          if (takeAfter[index]) given.push(writer.take());
        });
        given.push(writer.take());
        const reader = JuteReader.over(Buffer.concat(given));
        lengths.forEach((length, index) => {
          expect(reader.int()).toBe(length + 4);
          expect(reader.buffer()?.equals(Buffer.alloc(length, index + 1))).toBe(true);
        });
        expect(reader.remaining).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
