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
/** Space between a transition and its text, in pixels. */
const GAP = 8;

/** Renders states and transitions, at most `width` pixels wide. */
export function renderStates(source: string, width: number): string {
  const { rows, transitions } = parse(source);
  const rowOf = (name: string) => rows.findIndex((row) => row.includes(name));
  const detours = transitions.filter(({ from, to }) => Math.abs(rowOf(from) - rowOf(to)) !== 1);
  const total = Math.min(width, 560);
  const inner = total - detours.length * DETOUR;
  const boxes = new Map<string, Box>();
  const place = (name: string) => boxes.get(name) as Box;
  const routes: Route[] = [];

  let y = 1;
  for (const [index, row] of rows.entries()) {
    for (const [column, name] of row.entries()) {
      const size = widthOf(name, 'sans') + 24;
      boxes.set(name, { x: ((column + 0.5) * inner) / row.length - size / 2, y, width: size, height: BOX_HEIGHT });
    }
    if (index > 0) {
      const arriving = transitions.filter(
        ({ from, to }) =>
          !detours.some((detour) => detour.from === from && detour.to === to) &&
          Math.max(rowOf(from), rowOf(to)) === index,
      );
      // The boxes of this row move down by what the texts above them take.
      const { height, routes: between } = connect(arriving, place, inner);
      for (const name of row) boxes.set(name, { ...place(name), y: y + height });
      routes.push(...between.map((route) => route(y, height)));
      y += height;
    }
    y += BOX_HEIGHT;
  }

  for (const [index, { from, to, text }] of detours.entries()) {
    const lane = inner + (index + 0.5) * DETOUR;
    const [start, end] = [rightOf(place(from)), rightOf(place(to))];
    const lines = wrap(text, Math.min(130, inner / 3), 'sans');
    const points = [start, { x: lane, y: start.y }, { x: lane, y: end.y }, end];
    routes.push({ points, lines, label: { x: lane - GAP, y: centred(start.y, end.y, lines), anchor: 'end' } });
  }

  const parts = [
    ...routes.map(({ points }) => path(points)),
    ...routes.map(({ lines, label }) => textLines(lines, { ...label, classes: 'halo note' })),
    ...[...boxes].map(
      ([name, at]) =>
        box(at, 'box accent') + textLines([name], { x: centre(at), y: at.y + 6, anchor: 'middle', classes: 'strong' }),
    ),
  ];
  const right = Math.max(
    ...[...boxes.values()].map((at) => at.x + at.width),
    ...routes.flatMap(({ points }) => points.map(({ x }) => x)),
    ...routes.map(({ lines, label }) => (label.anchor === 'start' ? label.x + widest(lines, 'sans') : label.x)),
  );
  return svg({ width: Math.min(total, right + 2), height: y + 2 }, `States: ${source}`, parts);
}

/** A transition between two rows, once it is known where the upper row ends and how far below it the lower one begins. */
type RouteBetween = (top: number, height: number) => Route;

/**
 * The transitions between two rows of states. Those to a state straight below or above have their texts outside; those to one at a side have them
 * inside, beside each other where there is room, else one below the other.
 */
function connect(
  transitions: readonly Transition[],
  place: (name: string) => Box,
  inner: number,
): { readonly height: number; readonly routes: readonly RouteBetween[] } {
  const columns = transitions.flatMap(({ from, to }) => [centre(place(from)), centre(place(to))]);
  const spread = Math.max(...columns) - Math.min(...columns);
  const isStraight = ({ from, to }: Transition) => Math.abs(centre(place(from)) - centre(place(to))) < 1;
  const linesAside = new Map(
    transitions
      .filter((transition) => !isStraight(transition))
      .map((transition) => [transition, wrap(transition.text, Math.min(230, spread - 2 * GAP - 4), 'sans')]),
  );
  const sizes = [...linesAside.values()].map((lines) => widest(lines, 'sans'));
  const fits = sizes.reduce((sum, size) => sum + size + 2 * GAP, 0) <= spread;
  const heights = [...linesAside.values()].map((lines) => lines.length * LINE_HEIGHT + 4);
  const aside = fits ? Math.max(0, ...heights) : heights.reduce((sum, height) => sum + height, 0);
  let straight = 0;
  let offset = 8;

  const routes = transitions.map((transition): RouteBetween => {
    const [from, to] = [place(transition.from), place(transition.to)];
    const isDown = to.y > from.y;
    const lines = linesAside.get(transition);
    if (lines === undefined) {
      const isPair = transitions.some((other) => other.from === transition.to && other.to === transition.from);
      const x = centre(from) + (isPair ? (isDown ? -LANE : LANE) : 0);
      const anchor = isPair && isDown ? 'end' : 'start';
      const text = wrap(transition.text, (anchor === 'end' ? x : inner - x) - GAP - 2, 'sans');
      straight = Math.max(straight, text.length * LINE_HEIGHT + 12);
      return (top, height) => {
        const [start, end] = isDown ? [top, top + height] : [top + height, top];
        const label = { x: x + (anchor === 'end' ? -GAP : GAP), y: centred(start, end, text), anchor } as const;
        return {
          points: [
            { x, y: start },
            { x, y: end },
          ],
          lines: text,
          label,
        };
      };
    }
    // The way turns once: above or below the state that is farther from the middle.
    const outer = Math.abs(centre(from) - inner / 2) > Math.abs(centre(to) - inner / 2) ? from : to;
    const other = outer === from ? to : from;
    const x = centre(outer);
    const isLeft = x < centre(other);
    const own = offset;
    if (!fits) offset += lines.length * LINE_HEIGHT + 4;
    return (top, height) => {
      const isOuterBelow = outer === to ? isDown : !isDown;
      const end = { x, y: isOuterBelow ? top + height : top };
      const middle = isOuterBelow ? top - BOX_HEIGHT / 2 : top + height + BOX_HEIGHT / 2;
      const side = { x: isLeft ? other.x : other.x + other.width, y: middle };
      const ways = [side, { x, y: middle }, end];
      const labelY = fits ? centred(top, top + height, lines) : top + own;
      const label = { x: x + (isLeft ? GAP : -GAP), y: labelY, anchor: isLeft ? 'start' : 'end' } as const;
      return { points: outer === to ? ways : ways.reverse(), lines, label };
    };
  });
  return { height: Math.max(44, straight, aside + 16), routes };
}

function centred(from: number, to: number, lines: readonly string[]): number {
  return (from + to) / 2 - (lines.length * LINE_HEIGHT) / 2;
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
