/** The fonts of pictures: `mono` for znodes and code, `sans` for everything else. */
export type Font = 'mono' | 'sans';

/** Size of all text in pictures, in pixels. */
export const FONT_SIZE = 13;

/** Distance between two lines of text, in pixels. */
export const LINE_HEIGHT = 18;

/** Widths of characters in a sans-serif font, relative to the size of the font. They err on the wide side. */
const sansWidths: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'’|!()[\]]/u, 0.34],
  [/[ frt/-]/u, 0.4],
  [/[mwMW@%…→←—]/u, 0.95],
  [/[A-Z0-9_=+<>]/u, 0.7],
];

/** Estimates the width of a text, in pixels. */
export function widthOf(text: string, font: Font): number {
  let em = 0;
  for (const character of text) {
    em += font === 'mono' ? 0.61 : (sansWidths.find(([pattern]) => pattern.test(character))?.[1] ?? 0.59);
  }
  return em * FONT_SIZE;
}

/** Breaks a text into lines no wider than `width` pixels: between words, and inside a word only where one is wider than a line. */
export function wrap(text: string, width: number, font: Font): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer, font) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const character of word) {
      if (line !== '' && widthOf(line + character, font) > width) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  lines.push(line);
  return lines;
}

/** The widest of some lines, in pixels. */
export function widest(lines: readonly string[], font: Font): number {
  return Math.max(0, ...lines.map((line) => widthOf(line, font)));
}

/** Where text is, and how it looks. */
export interface TextStyle {
  readonly x: number;
  /** Top of the first line. */
  readonly y: number;
  /** Default: `sans`. */
  readonly font?: Font;
  /** Which point of the lines is at `x`. Default: `start`. */
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Further classes for the style sheet. */
  readonly classes?: string;
}

/** Lines of text, one below the other. */
export function textLines(
  lines: readonly string[],
  { x, y, font = 'sans', anchor = 'start', classes = '' }: TextStyle,
): string {
  const names = `${font} ${classes}`.trim();
  return lines
    .map((line, index) => {
      const baseline = y + index * LINE_HEIGHT + LINE_HEIGHT * 0.73;
      return `<text class="${names}" x="${round(x)}" y="${round(baseline)}" text-anchor="${anchor}">${escapeText(line)}</text>`;
    })
    .join('');
}

/** A straight line; with `arrow` it ends in the head of an arrow. */
export function line(
  from: Point,
  to: Point,
  { classes = '', arrow = false }: { readonly classes?: string; readonly arrow?: boolean } = {},
): string {
  const path = `<path class="stroke ${classes}" d="M${at(from)}L${at(to)}"/>`;
  return arrow ? path + arrowHead(from, to) : path;
}

/** The head of an arrow that points to `to`. */
export function arrowHead(from: Point, to: Point): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const corner = (side: number) => ({ x: to.x - 8 * ux + side * 4 * uy, y: to.y - 8 * uy - side * 4 * ux });
  return `<path class="arrow-head" d="M${at(to)}L${at(corner(1))}L${at(corner(-1))}Z"/>`;
}

/** A rectangle with round corners, of `radius` pixels. */
export function box({ x, y, width, height }: Box, classes: string, radius: number = 6): string {
  return `<rect class="${classes}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}"/>`;
}

/** A point in a picture, in pixels from its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle in a picture, in pixels. */
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** A whole picture. Screen readers read `description` instead of it. */
export function svg(
  { width, height }: { readonly width: number; readonly height: number },
  description: string,
  parts: readonly string[],
): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  const label = escapeText(description.replaceAll(/\s+/g, ' ').trim());
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">${parts.join('')}</svg>`;
}

/** Text as it is written in markup. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function at({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
