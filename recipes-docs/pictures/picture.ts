import { renderSequence } from './sequence.js';
import { renderStates } from './states.js';
import { renderTimeline } from './timeline.js';
import { renderTree } from './tree.js';

/** Renders one text as a picture of at most that many pixels in width. */
export type Render = (source: string, width: number) => string;

/** The notations of pictures, by the language of their block in a page. */
export const pictureLanguages: ReadonlyMap<string, Render> = new Map([
  ['tree', renderTree],
  ['sequence', renderSequence],
  ['states', renderStates],
  ['timeline', renderTimeline],
]);

/** Widths that a picture is laid out for, in pixels: the column of text on a wide screen, and on a telephone. */
export const pictureWidths = { wide: 680, narrow: 340 } as const;

/** A picture in a page: once for wide screens, once for narrow ones. The style sheet shows one of them. */
export function figure(
  render: Render,
  source: string,
  widths: { wide: number; narrow: number } = pictureWidths,
): string {
  const variants = Object.entries(widths).map(([name, width]) => `<div class="${name}">${render(source, width)}</div>`);
  return `<figure class="picture" v-pre>${variants.join('')}</figure>\n`;
}
