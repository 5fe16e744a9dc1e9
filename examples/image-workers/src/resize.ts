import { PNG } from 'pngjs';

/** An image that nobody will ever be able to resize; says why. */
export class UnreadableImageError extends Error {
  override readonly name = 'UnreadableImageError';
}

/** A larger one would fill the memory: it may be a small file none the less. */
const MAX_PIXELS = 40_000_000;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** How much of a pixel, or of a row of them, goes into another. */
interface Share {
  readonly index: number;
  readonly weight: number;
}

/**
 * Makes an image smaller, in its proportions: each pixel is the mean of those whose place it takes. The same bytes give the same bytes.
 *
 * @param width of the result; an image that is no wider stays as wide as it is
 * @throws UnreadableImageError
 */
export function resizePng(bytes: Buffer, width: number): Buffer {
  const source = decode(bytes);
  return PNG.sync.write(source.width <= width ? source : shrink(source, width));
}

function decode(bytes: Buffer): PNG {
  if (bytes.length < 24 || !bytes.subarray(0, 8).equals(SIGNATURE)) throw new UnreadableImageError('no PNG');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (width * height > MAX_PIXELS) throw new UnreadableImageError(`too large: ${width} by ${height} pixels`);
  try {
    return PNG.sync.read(bytes);
  } catch (error) {
    throw new UnreadableImageError(`a broken PNG: ${(error as Error).message}`, { cause: error });
  }
}

function shrink(source: PNG, width: number): PNG {
  const height = Math.max(1, Math.round((source.height * width) / source.width));
  const target = new PNG({ width, height });
  const [columns, rows] = [sharesOf(source.width, width), sharesOf(source.height, height)];
  for (const [y, rowShares] of rows.entries()) {
    for (const [x, columnShares] of columns.entries()) {
      target.data.set(meanOf(source, rowShares, columnShares), (y * width + x) * 4);
    }
  }
  return target;
}

/** For each of so many places the ones, of more, that it is made of. */
function sharesOf(from: number, to: number): Share[][] {
  return Array.from({ length: to }, (_, place) => {
    const [begin, end] = [(place * from) / to, ((place + 1) * from) / to];
    const first = Math.floor(begin);
    const count = Math.min(from, Math.ceil(end)) - first;
    return Array.from({ length: count }, (_one, offset) => {
      const index = first + offset;
      return { index, weight: Math.min(end, index + 1) - Math.max(begin, index) };
    });
  });
}

/** Red, green, blue and alpha. What is transparent has no colour to speak of, so colours count by their alpha. */
function meanOf({ data, width }: PNG, rows: readonly Share[], columns: readonly Share[]): readonly number[] {
  let [red, green, blue, alpha, area] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    for (const column of columns) {
      const at = (row.index * width + column.index) * 4;
      const weight = row.weight * column.weight;
      const visible = weight * data.readUInt8(at + 3);
      red += visible * data.readUInt8(at);
      green += visible * data.readUInt8(at + 1);
      blue += visible * data.readUInt8(at + 2);
      alpha += visible;
      area += weight;
    }
  }
  const colours = alpha === 0 ? [0, 0, 0] : [red / alpha, green / alpha, blue / alpha];
  return [...colours, alpha / area].map(Math.round);
}
