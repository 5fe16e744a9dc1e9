import { linesOf, notationError } from './notation.js';
import { box, LINE_HEIGHT, line, svg, textLines, widest, widthOf, wrap } from './svg.js';

/**
 * A picture of what happens when. The first line says what the unit of time is and which moments have a mark; each other line is a
 * moment, or a span of time, in units, of what is named before it:
 *
 * ```text
 * unit T, the session timeout: 0 0.25 0.5 1
 *
 * client 0.25: sends a request
 * hold 0.25-0.9: is valid
 * ```
 */
interface Timeline {
  readonly unit: string;
  readonly marks: readonly number[];
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly lane: string;
  readonly from: number;
  /** The same as `from` for a moment. */
  readonly to: number;
  readonly text: string;
}

const MARGIN = 14;
const BAR_HEIGHT = 10;

/** Renders a time line, at most `width` pixels wide. */
export function renderTimeline(source: string, width: number): string {
  const { unit, marks, entries } = parse(source);
  const times = [...marks, ...entries.flatMap(({ from, to }) => [from, to])];
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const x = (time: number) => MARGIN + ((time - first) / (last - first)) * (width - 2 * MARGIN);
  const parts: string[] = [];
  const top = LINE_HEIGHT + 6;
  let [y, lane] = [top + 6, ''];

  for (const entry of entries) {
    if (entry.lane !== lane) {
      y += lane === '' ? 0 : 8;
      parts.push(textLines([entry.lane], { x: 0, y, classes: 'halo strong' }));
      y += LINE_HEIGHT + 2;
      lane = entry.lane;
    }
    const middle = y + BAR_HEIGHT / 2;
    const [start, end] = [x(entry.from), x(entry.to)];
    if (entry.from === entry.to)
      parts.push(`<circle class="marker ephemeral" cx="${start.toFixed(1)}" cy="${middle}" r="5"/>`);
    else parts.push(box({ x: start, y, width: end - start, height: BAR_HEIGHT }, 'bar'));
    y += BAR_HEIGHT + 2;
    const lines = wrap(entry.text, Math.min(width, 420), 'sans');
    const size = widest(lines, 'sans');
    const left = entry.from === entry.to ? start - 5 : start;
    if (left + size <= width) parts.push(textLines(lines, { x: left, y, classes: 'halo note' }));
    else {
      const right = Math.min(width, Math.max(size, entry.from === entry.to ? end + 5 : end));
      parts.push(textLines(lines, { x: right, y, anchor: 'end', classes: 'halo note' }));
    }
    y += lines.length * LINE_HEIGHT + 6;
  }

  const grid = marks.flatMap((time) => {
    const label = labelOf(time, unit.split(',')[0] as string);
    const half = widthOf(label, 'sans') / 2;
    const centre = Math.max(half, Math.min(x(time), width - half));
    return [
      line({ x: x(time), y: top }, { x: x(time), y }, { classes: 'faint dashed' }),
      textLines([label], { x: centre, y: 0, anchor: 'middle', classes: 'note' }),
    ];
  });
  return svg({ width, height: y + 2 }, `Time line: ${source}`, [...grid, ...parts]);
}

function parse(source: string): Timeline {
  const [first, ...rest] = linesOf(source);
  const [, unit, marks] = /^unit (.+): ([\d. ]+)$/.exec(first?.text ?? '') ?? [];
  if (unit === undefined || marks === undefined) {
    throw new SyntaxError(`timeline: expected 'unit NAME: 0 0.5 1' in the first line, received '${first?.text ?? ''}'`);
  }
  const entries = rest.map((entry): Entry => {
    const [, lane, from, to, text] = /^(.+?) ([\d.]+)(?:-([\d.]+))?: (.+)$/.exec(entry.text) ?? [];
    if (lane === undefined || from === undefined || text === undefined) {
      throw notationError('timeline', entry, "'NAME 0.5: text' or 'NAME 0.5-1: text'");
    }
    return { lane, from: Number(from), to: Number(to ?? from), text };
  });
  return { unit, marks: marks.trim().split(/ +/).map(Number), entries };
}

/** A moment as it is read: `0`, `0.5 T`, `T`, `1 s`. */
function labelOf(time: number, unit: string): string {
  if (time === 0) return '0';
  return time === 1 && /^[A-Z]$/.test(unit) ? unit : `${time} ${unit}`;
}
