import { linesOf, notationError } from './notation.js';
import { box, LINE_HEIGHT, line, svg, textLines, widest, widthOf, wrap } from './svg.js';

/**
 * A picture of znodes. Each line of its text is a znode below the one with less indentation (two spaces a level); after two spaces or
 * more comes what kind of znode it is, then a colon and a note. Kind and note may be missing:
 *
 * ```text
 * /locks/invoice-42              container
 *   _c_1f6d…-lock-0000000007     ephemeral sequential: billing-1 holds the lock
 * ```
 */
interface Znode {
  readonly depth: number;
  readonly name: string;
  readonly kind: string;
  readonly note: string;
}

const kinds = ['persistent', 'persistent sequential', 'container', 'ephemeral', 'ephemeral sequential'];
const INDENT = 20;
const GAP = 24;
/** Space between the names of two znodes, in pixels. */
const ROW_GAP = 8;

/** Renders a tree of znodes, at most `width` pixels wide. Notes stand beside the names where there is room, else below them. */
export function renderTree(source: string, width: number): string {
  const znodes = parse(source);
  const indent = ({ depth }: Znode) => depth * INDENT + 18;
  const names = Math.max(...znodes.map((znode) => indent(znode) + widthOf(znode.name, 'mono')));
  const beside = width - names - GAP >= 240;
  const parts: string[] = [];
  const tops: number[] = [];
  let [y, right] = [4, 0];
  for (const [index, znode] of znodes.entries()) {
    const x = indent(znode);
    tops.push(y);
    const label = [znode.kind, znode.note].filter((text) => text !== '').join(': ');
    const name = wrap(znode.name, width - x, 'mono');
    const notesX = beside ? names + GAP : x;
    const notes = label === '' ? [] : wrap(label, width - notesX, 'sans');
    const notesY = beside ? y : y + name.length * LINE_HEIGHT;
    const parent = znodes.slice(0, index).findLastIndex(({ depth }) => depth < znode.depth);
    if (parent >= 0) parts.push(branch(znode.depth, (tops[parent] as number) + LINE_HEIGHT, y + LINE_HEIGHT / 2));
    parts.push(marker(znode, y));
    parts.push(textLines(name, { x, y, font: 'mono' }));
    parts.push(textLines(notes, { x: notesX, y: notesY, classes: 'note' }));
    right = Math.max(right, x + widest(name, 'mono'), notesX + widest(notes, 'sans'));
    y += LINE_HEIGHT * (beside ? Math.max(name.length, notes.length) : name.length + notes.length) + ROW_GAP;
  }
  return svg({ width: Math.min(width, right + 2), height: y }, `Znodes: ${source}`, parts);
}

function parse(source: string): Znode[] {
  const znodes: Znode[] = [];
  for (const entry of linesOf(source)) {
    const [, indent = '', name = '', rest = ''] = /^( *)(\S+(?: \S+)*)(?: {2,}(.*))?$/.exec(entry.text) ?? [];
    const depth = indent.length / 2;
    if (!Number.isInteger(depth) || depth > (znodes.at(-1)?.depth ?? -1) + 1) {
      throw notationError('tree', entry, 'an indentation of two spaces more than the line above, at most');
    }
    const [, kind = '', note = ''] = /^([a-z ]+?)(?:: (.*))?$/.exec(rest) ?? [];
    const isKind = kinds.includes(kind);
    znodes.push({ depth, name, kind: isKind ? kind : '', note: isKind ? note : rest });
  }
  if (znodes.length === 0) throw new SyntaxError('tree: expected at least one znode, received none');
  return znodes;
}

/** The line from a parent down to its child. */
function branch(depth: number, fromY: number, toY: number): string {
  const x = (depth - 1) * INDENT + 6;
  return (
    line({ x, y: fromY }, { x, y: toY }, { classes: 'faint' }) +
    line({ x, y: toY }, { x: x + 14, y: toY }, { classes: 'faint' })
  );
}

/** Ephemeral znodes are round, all others square; what the server removes by itself is hollow. */
function marker({ depth, kind }: Znode, y: number): string {
  const [x, middle] = [depth * INDENT + 1, y + LINE_HEIGHT / 2];
  if (kind.startsWith('ephemeral')) return `<circle class="marker ephemeral" cx="${x + 5}" cy="${middle}" r="5"/>`;
  const type = kind === 'container' ? 'container' : 'persistent';
  return box({ x: x + 0.5, y: middle - 4.5, width: 9, height: 9 }, `marker ${type}`, 1);
}
