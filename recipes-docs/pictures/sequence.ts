import { linesOf, type NotationLine, notationError } from './notation.js';
import { box, LINE_HEIGHT, line, svg, textLines, widest, widthOf, wrap } from './svg.js';

/**
 * A picture of messages in the order of time. The first line names who takes part; the others are, in order:
 *
 * ```text
 * billing-1 | ZooKeeper | billing-2
 *
 * billing-1 -> ZooKeeper: a request
 * ZooKeeper ..> billing-1: its reply, or a watch event
 * billing-1 -x ZooKeeper: a message that is lost
 * = billing-1: what billing-1 knows or does now
 * --- a new phase
 * ```
 */
type Step =
  | {
      readonly type: 'message';
      readonly from: number;
      readonly to: number;
      readonly arrow: Arrow;
      readonly text: string;
    }
  | { readonly type: 'note'; readonly at: number; readonly text: string }
  | { readonly type: 'phase'; readonly text: string };

type Arrow = '->' | '..>' | '-x';

interface Sequence {
  readonly participants: readonly string[];
  readonly steps: readonly Step[];
}

const PADDING = 8;
const HEAD_HEIGHT = 28;

/** Renders a sequence of messages, at most `width` pixels wide. */
export function renderSequence(source: string, width: number): string {
  const { participants, steps } = parse(source);
  const total = Math.min(width, participants.length * 240);
  const columns = participants.map((_, index) => ((index + 0.5) * total) / participants.length);
  const column = (index: number) => columns[index] as number;
  const parts: string[] = [];
  let y = HEAD_HEIGHT + 12;

  for (const step of steps) {
    if (step.type === 'phase') {
      const lines = wrap(step.text, total - 40, 'sans');
      y += 6;
      parts.push(
        line({ x: 0, y: y + LINE_HEIGHT / 2 }, { x: total, y: y + LINE_HEIGHT / 2 }, { classes: 'faint dashed' }),
      );
      parts.push(textLines(lines, { x: total / 2, y, anchor: 'middle', classes: 'halo phase' }));
      y += lines.length * LINE_HEIGHT + 8;
    } else if (step.type === 'note') {
      const lines = wrap(step.text, Math.min(220, total) - 2 * PADDING, 'sans');
      const size = widest(lines, 'sans') + 2 * PADDING;
      const x = within(column(step.at) - size / 2, size, total);
      const height = lines.length * LINE_HEIGHT + 8;
      parts.push(box({ x, y, width: size, height }, 'box accent'));
      parts.push(textLines(lines, { x: x + size / 2, y: y + 4, anchor: 'middle' }));
      y += height + 10;
    } else {
      const [from, to] = [column(step.from), column(step.to)];
      const span = Math.abs(to - from) - 2 * PADDING;
      const lines = wrap(step.text, Math.max(span, Math.min(230, total)), 'sans');
      const size = widest(lines, 'sans');
      const middle = within((from + to) / 2 - size / 2, size, total) + size / 2;
      parts.push(textLines(lines, { x: middle, y, anchor: 'middle', classes: 'halo' }));
      y += lines.length * LINE_HEIGHT + 5;
      parts.push(message(step.arrow, from, to, y));
      y += 14;
    }
  }

  const lifelines = columns.map((x) => line({ x, y: HEAD_HEIGHT }, { x, y }, { classes: 'faint' }));
  const heads = participants.map((name, index) => {
    const size = Math.min(widthOf(name, 'sans') + 2 * PADDING, total / participants.length - 4);
    const x = column(index) - size / 2;
    return (
      box({ x, y: 1, width: size, height: HEAD_HEIGHT - 2 }, 'box') +
      textLines([name], { x: column(index), y: 5, anchor: 'middle', classes: 'strong' })
    );
  });
  return svg({ width: total, height: y + 2 }, `Sequence: ${source}`, [...lifelines, ...heads, ...parts]);
}

function parse(source: string): Sequence {
  const [first, ...rest] = linesOf(source);
  const participants = first?.text.split('|').map((name) => name.trim()) ?? [];
  if (first === undefined || participants.length < 2) {
    throw new SyntaxError(
      `sequence: expected the names of two participants or more in the first line, received '${first?.text ?? ''}'`,
    );
  }
  return { participants, steps: rest.map((entry) => parseStep(entry, participants)) };
}

function parseStep(entry: NotationLine, participants: readonly string[]): Step {
  const phase = /^--- (.+)$/.exec(entry.text)?.[1];
  if (phase !== undefined) return { type: 'phase', text: phase };
  const indexOf = (name: string) => {
    const index = participants.indexOf(name);
    if (index < 0) throw notationError('sequence', entry, `one of the participants ${participants.join(', ')}`);
    return index;
  };
  const note = /^= (.+?): (.+)$/.exec(entry.text);
  if (note !== null) return { type: 'note', at: indexOf(note[1] as string), text: note[2] as string };
  const sent = /^(.+?) (->|\.\.>|-x) (.+?): (.+)$/.exec(entry.text);
  if (sent === null)
    throw notationError(
      'sequence',
      entry,
      "'A -> B: text', 'A ..> B: text', 'A -x B: text', '= A: text' or '--- text'",
    );
  const [, from, arrow, to, text] = sent as unknown as [string, string, Arrow, string, string];
  return { type: 'message', from: indexOf(from), to: indexOf(to), arrow, text };
}

/** An arrow; a message that is lost ends in a cross, before the other side. */
function message(arrow: Arrow, from: number, to: number, y: number): string {
  if (arrow !== '-x')
    return line({ x: from, y }, { x: to, y }, { classes: arrow === '..>' ? 'dashed' : '', arrow: true });
  const end = from + (to - from) * 0.7;
  const stroke = (dy: number) => line({ x: end - 5, y: y - dy }, { x: end + 5, y: y + dy }, { classes: 'danger' });
  return line({ x: from, y }, { x: end, y }, { classes: 'danger' }) + stroke(5) + stroke(-5);
}

/** Moves a piece of `size` pixels so that it lies inside of the picture. */
function within(x: number, size: number, total: number): number {
  return Math.max(0, Math.min(x, total - size));
}
