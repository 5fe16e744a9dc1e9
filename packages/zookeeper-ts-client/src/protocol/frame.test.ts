import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, hex } from '../../test/bytes.js';
import { MarshallingError } from '../errors/errors.js';
import { FrameDecoder } from './frame.js';

/** Pushes the chunks one by one and returns the bytes of every frame that came out. */
function framesOf(chunks: readonly Buffer[], maxFrameBytes = 1 << 20): Buffer[] {
  const decoder = new FrameDecoder(maxFrameBytes);
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let reader = decoder.next(); reader !== null; reader = decoder.next()) {
      const bytes: number[] = [];
      while (reader.remaining > 0) bytes.push(reader.boolean() ? 1 : 0);
      frames.push(Buffer.from(bytes));
    }
  }
  return frames;
}

/** A frame's body of ones and zeros, so that it can be read byte by byte. */
const body = (length: number, seed: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * seed) % 2));

describe('FrameDecoder', () => {
  const bodies = [body(1, 1), body(0, 1), body(17, 1), body(300, 1)];
  const stream = Buffer.concat(bodies.map((one) => frame(one)));

  it('finds the frames in one chunk', () => {
    expect(framesOf([stream])).toEqual(bodies);
  });

  it('finds them however the stream is cut in two', () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(framesOf([stream.subarray(0, at), stream.subarray(at)])).toEqual(bodies);
    }
  });

  it('finds them byte by byte', () => {
    expect(framesOf([...stream].map((byte) => Buffer.from([byte])))).toEqual(bodies);
  });

  it('finds them in chunks of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }), (sizes) => {
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(framesOf([...chunks, stream.subarray(at)])).toEqual(bodies);
      }),
    );
  });

  it('takes the largest frame allowed and none larger, wherever its length is cut', () => {
    expect(framesOf([frame(body(1024, 1))], 1024)).toHaveLength(1);
    const tooLarge = frame(body(1025, 1));
    for (const at of [0, 1, 2, 3, 4, 5]) {
      expect(() => framesOf([tooLarge.subarray(0, at), tooLarge.subarray(at)], 1024)).toThrow(MarshallingError);
    }
  });

  it.each(['ffffffff', '80000000', '7fffffff', '48545450'])('refuses the length %s', (length) => {
    expect(() => framesOf([hex(length)])).toThrow(MarshallingError);
  });

  it('gives the first 16 bytes of a frame above the limit and goes on behind it, however the stream is cut', () => {
    const large = body(2000, 1);
    const stream = Buffer.concat([frame(body(3, 1)), frame(large), frame(body(5, 1)), frame(large), frame(body(7, 1))]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 40 }), (sizes) => {
        const decoder = new FrameDecoder(1024);
        decoder.cutOversized();
        const seen: string[] = [];
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          decoder.push(stream.subarray(at, at + size));
          at += size;
          for (let reader = decoder.next(); reader !== null; reader = decoder.next()) {
            seen.push(`${reader.remaining} of ${decoder.oversizedBytes}`);
          }
        }
        expect(seen).toEqual(['3 of 0', '16 of 2000', '5 of 0', '16 of 2000', '7 of 0']);
      }),
    );
  });

  it('reads a frame in its chunk and copies only one that straddles chunks', () => {
    const chunk = frame(hex('00000002 aabb'));
    const decoder = new FrameDecoder(1024);
    decoder.push(chunk);
    expect(decoder.next()?.buffer()).toEqual(hex('aabb'));
    decoder.push(chunk.subarray(0, 9));
    expect(decoder.next()).toBeNull();
    decoder.push(chunk.subarray(9));
    expect(decoder.next()?.buffer()).toEqual(hex('aabb'));
  });
});
