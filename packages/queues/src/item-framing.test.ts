import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameItems, unframeItems } from './item-framing.js';

const texts = (frame: Buffer): string[] => unframeItems(frame).map(String);

describe('the framing of items', () => {
  it('is that of Curator', () => {
    expect(frameItems([Buffer.from('AB')]).toString('hex')).toBe('000100010100000002414202');
    const several = frameItems(['x', '', 'yz'].map((text) => Buffer.from(text)));
    expect(several.toString('hex')).toBe('00010001010000000178010000000001000000027' + '97a02');
    expect(frameItems([]).toString('hex')).toBe('0001000102');
    expect(texts(several)).toEqual(['x', '', 'yz']);
    expect(texts(frameItems([]))).toEqual([]);
  });

  it('gives back what was framed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (payloads) => {
        expect(unframeItems(frameItems(payloads))).toEqual(payloads.map((payload) => Buffer.from(payload)));
      }),
    );
  });

  it('refuses whatever is cut off', () => {
    const frame = frameItems([Buffer.from('first'), Buffer.from('second')]);
    for (let length = 0; length < frame.length; length++) {
      expect(() => unframeItems(frame.subarray(0, length))).toThrow(RangeError);
    }
  });

  it('never fails otherwise, whatever the bytes', () => {
    const start = fc.constantFrom(Buffer.of(), Buffer.of(0, 1, 0, 1), Buffer.of(0, 1, 0, 1, 1));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 40 }), (begin, rest) => {
        try {
          unframeItems(Buffer.concat([begin, rest]));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['00020001', /expected version 0x00010001, got 0x00020001/],
    ['0001000103', /expected an item or the end at byte 4, got opcode 3/],
    ['0001000101ffffffff', /expected a length at byte 5, got -1/],
    ['00010001010000000941', /expected a payload of 9 bytes at byte 9, got the end after 10 bytes/],
  ])('says of %s what is wrong', (hex, message) => {
    expect(() => unframeItems(Buffer.from(hex, 'hex'))).toThrow(message);
  });
});
