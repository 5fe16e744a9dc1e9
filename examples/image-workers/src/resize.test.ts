import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { resizePng, UnreadableImageError } from './resize.js';

type Pixel = readonly [red: number, green: number, blue: number, alpha: number];

function png(width: number, pixels: readonly Pixel[]): Buffer {
  const image = new PNG({ width, height: pixels.length / width });
  image.data.set(pixels.flat());
  return PNG.sync.write(image);
}

function pixelsOf(bytes: Buffer): { readonly width: number; readonly pixels: number[][] } {
  const { width, data } = PNG.sync.read(bytes);
  return { width, pixels: Array.from({ length: data.length / 4 }, (_, at) => [...data.subarray(at * 4, at * 4 + 4)]) };
}

const [black, white, none]: Pixel[] = [
  [0, 0, 0, 255],
  [255, 255, 255, 255],
  [0, 200, 0, 0],
];

describe('an image, resized', () => {
  it('has the mean of the pixels whose place each takes', () => {
    const checked = png(4, [black, white, black, black, white, black, black, black] as Pixel[]);
    const half = [128, 128, 128, 255];
    expect(pixelsOf(resizePng(checked, 2))).toEqual({ width: 2, pixels: [half, [0, 0, 0, 255]] });
  });

  it('divides pixels where it has to', () => {
    const striped = png(3, [black, white, black] as Pixel[]);
    const third = [85, 85, 85, 255];
    expect(pixelsOf(resizePng(striped, 2))).toEqual({ width: 2, pixels: [third, third] });
  });

  it('takes no colour from what is transparent', () => {
    expect(pixelsOf(resizePng(png(2, [white, none] as Pixel[]), 1))).toEqual({
      width: 1,
      pixels: [[255, 255, 255, 128]],
    });
  });

  it('is not made larger', () => {
    const small = png(2, [black, white] as Pixel[]);
    expect(pixelsOf(resizePng(small, 100))).toEqual(pixelsOf(small));
  });

  it('is refused where it is none', () => {
    const whole = png(2, [black, white] as Pixel[]);
    const huge = Buffer.from(whole);
    huge.writeUInt32BE(100_000, 16);
    huge.writeUInt32BE(100_000, 20);
    const refused = (bytes: Buffer, reason: string): void => {
      expect(() => resizePng(bytes, 1)).toThrow(UnreadableImageError);
      expect(() => resizePng(bytes, 1)).toThrow(reason);
    };
    refused(Buffer.from('GIF89a'), 'no PNG');
    refused(huge, 'too large: 100000 by 100000 pixels');
    for (let length = 24; length < whole.length; length++) refused(whole.subarray(0, length), 'a broken PNG');
  });
});
