import { linesOf, type NotationLine, notationError } from './notation.js';
import {
  arrowHead,
  type Box,
  box,
  LINE_HEIGHT,
  line,
  type Point,
  svg,
  textLines,
  widest,
  widthOf,
  wrap,
} from './svg.js';

/**
 * A picture of states and the ways between them. Lines of names in brackets say where the states stand, row by row; the others say
 * what leads from one state to another:
 *
 * ```text
 * [waiting]
 * [claimed]
 * [done] [dead letter]
 *
 * waiting -> claimed: a consumer claims the item
 * ```
 */
interface Transition {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

interface States {
  readonly rows: readonly (readonly string[])[];
  readonly transitions: readonly Transition[];
}

/** A transition on its way through the picture. */
interface Route {
  readonly points: readonly Point[];
  readonly lines: readonly string[];
  readonly label: { readonly x: number; readonly y: number; readonly anchor: 'start' | 'end' };
}

const BOX_HEIGHT = 30;
/** Half the distance between two transitions in opposite directions, in pixels. */
const LANE = 10;
/** Space that transitions past a row take at the right side, in pixels. */
const DETOUR = 24;

/** Renders states and transitions, at most `width` pixels wide. */
export function renderStates(source: string, width: number): string {
  const { rows, transitions } = parse(source);
  const rowOf = (name: string) => rows.findIndex((row) => row.includes(name));
  const isDetour = ({ from, to }: Transition) => Math.abs(rowOf(from) - rowOf(to)) !== 1;
  const detours = transitions.filter(isDetour);
  const total = Math.min(width, 560);
  const inner = total - detours.length * DETOUR;
  const labelWidth = inner / 2 - 2 * LANE - 12;

  const boxes = new Map<string, Box>();
  let y = 1;
  for (const [index, row] of rows.entries()) {
    for (const [column, name] of row.entries()) {
      const size = widthOf(name, 'sans') + 24;
      const x = ((column + 0.5) * inner) / row.length - size / 2;
      boxes.set(name, { x, y, width: size, height: BOX_HEIGHT });
    }
    const between = transitions.filter(
      (entry) => !isDetour(entry) && Math.min(rowOf(entry.from), rowOf(entry.to)) === index,
    );
    const lines = Math.max(0, ...between.map(({ text }) => wrap(text, labelWidth, 'sans').length));
    y += BOX_HEIGHT + (index === rows.length - 1 ? 0 : Math.max(44, lines * LINE_HEIGHT + 24));
  }

  const routes = transitions.map((transition): Route => {
    const [from, to] = [boxes.get(transition.from) as Box, boxes.get(transition.to) as Box];
    const detour = detours.indexOf(transition);
    if (detour >= 0) {
      const lane = inner + detour * DETOUR + DETOUR / 2;
      const [start, end] = [rightOf(from), rightOf(to)];
      const lines = wrap(transition.text, Math.min(130, inner / 3), 'sans');
      const middle = (start.y + end.y) / 2 - (lines.length * LINE_HEIGHT) / 2;
      const points = [start, { x: lane, y: start.y }, { x: lane, y: end.y }, end];
      return { points, lines, label: { x: lane - 8, y: middle, anchor: 'end' } };
    }
    const isBack = transitions.some((other) => other.from === transition.to && other.to === transition.from);
    const isDown = to.y > from.y;
    const shift = isBack ? (isDown ? -LANE : LANE) : 0;
    const start = { x: centre(from) + shift, y: isDown ? from.y + BOX_HEIGHT : from.y };
    const end = { x: centre(to) + shift, y: isDown ? to.y : to.y + BOX_HEIGHT };
    const middle = (start.x + end.x) / 2;
    const side = middle < inner / 2 - 1 ? 'end' : 'start';
    const lines = wrap(transition.text, Math.min(labelWidth, (side === 'end' ? middle : inner - middle) - 10), 'sans');
    const top = (start.y + end.y) / 2 - (lines.length * LINE_HEIGHT) / 2;
    return { points: [start, end], lines, label: { x: middle + (side === 'end' ? -8 : 8), y: top, anchor: side } };
  });

  const parts = [
    ...routes.map(({ points }) => path(points)),
    ...routes.map(({ lines, label }) => textLines(lines, { ...label, classes: 'halo note' })),
    ...[...boxes].map(
      ([name, place]) =>
        box(place, 'box accent') +
        textLines([name], { x: centre(place), y: place.y + 6, anchor: 'middle', classes: 'strong' }),
    ),
  ];
  const right = Math.max(
    ...[...boxes.values()].map((place) => place.x + place.width),
    ...routes.flatMap(({ points }) => points.map(({ x }) => x)),
    ...routes.map(({ lines, label }) => (label.anchor === 'start' ? label.x + widest(lines, 'sans') : label.x)),
  );
  return svg({ width: Math.min(total, right + 2), height: y + 2 }, `States: ${source}`, parts);
}

function parse(source: string): States {
  const rows: string[][] = [];
  const transitions: Transition[] = [];
  const known = (entry: NotationLine, name: string) => {
    if (!rows.flat().includes(name))
      throw notationError('states', entry, `one of the states ${rows.flat().join(', ')}`);
    return name;
  };
  for (const entry of linesOf(source)) {
    if (/^\[[^\]]+\](?: +\[[^\]]+\])*$/.test(entry.text.trim())) {
      rows.push([...entry.text.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name as string));
      continue;
    }
    const [, from, to, text] = /^(.+?) -> (.+?): (.+)$/.exec(entry.text) ?? [];
    if (from === undefined || to === undefined || text === undefined) {
      throw notationError('states', entry, "'[state] [state]' or 'state -> state: text'");
    }
    transitions.push({ from: known(entry, from), to: known(entry, to), text });
  }
  if (rows.length === 0) throw new SyntaxError('states: expected at least one row of states, received none');
  return { rows, transitions };
}

function path(points: readonly Point[]): string {
  const segments = points.slice(1).map((point, index) => line(points[index] as Point, point));
  return segments.join('') + arrowHead(points.at(-2) as Point, points.at(-1) as Point);
}

function centre({ x, width }: Box): number {
  return x + width / 2;
}

function rightOf({ x, y, width, height }: Box): Point {
  return { x: x + width, y: y + height / 2 };
}
