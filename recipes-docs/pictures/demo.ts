import { box, LINE_HEIGHT, line, svg, textLines, widthOf, wrap } from './svg.js';

/** One line of the demo's output: `  1.047 s  demo        SIGTERM to billing-2, which leads`. */
interface Report {
  readonly seconds: number;
  readonly by: string;
  readonly text: string;
}

/** A time in which a service led, or was stopped. */
interface Span {
  readonly service: string;
  readonly from: number;
  readonly to: number;
  readonly type: 'leads' | 'paused';
  readonly label: string;
}

/** What the demo did to a service, and what came of it. */
interface Blow {
  readonly service: string;
  readonly seconds: number;
  readonly texts: string[];
}

const LANE_HEIGHT = 40;
const BAR_HEIGHT = 20;

/** Renders the output of `npm run demo` as a picture of which service led when, at most `width` pixels wide. */
export function renderDemo(output: string, width: number): string {
  const reports = parse(output);
  const services = [...new Set(reports.map(({ by }) => by))].filter((name) => name !== 'demo').sort();
  const end = Math.max(...reports.map(({ seconds }) => seconds));
  const left = Math.max(...services.map((name) => widthOf(name, 'sans'))) + 12;
  const x = (seconds: number) => left + (seconds / end) * (width - left - 2);
  const top = (service: string) => LINE_HEIGHT + 8 + services.indexOf(service) * LANE_HEIGHT;
  const bottom = LINE_HEIGHT + 8 + services.length * LANE_HEIGHT;

  const seconds = Array.from({ length: Math.floor(end) + 1 }, (_, second) => second);
  const axis = seconds.map(
    (second) =>
      line({ x: x(second), y: LINE_HEIGHT }, { x: x(second), y: bottom }, { classes: 'faint dashed' }) +
      textLines([second === 0 ? '0 s' : `${second}`], { x: x(second), y: -1, anchor: 'middle', classes: 'note' }),
  );
  const lanes = services.map((name) => textLines([name], { x: 0, y: top(name) + 11, classes: 'strong' }));
  const spans = spansOf(reports, end);
  const bars = spans.map((span) => {
    const { service, from, to, type, label } = span;
    const place = { x: x(from), y: top(service) + 10, width: Math.max(3, x(to) - x(from)), height: BAR_HEIGHT };
    const [size, right] = [widthOf(label, 'sans') + 8, place.x + place.width];
    const later = spans.filter((other) => other.service === service && other !== span && other.from >= to);
    const next = Math.min(width, ...later.map((other) => x(other.from)));
    const y = place.y + 1;
    const bar = box(place, type === 'leads' ? 'bar' : 'bar paused');
    if (size <= place.width) return bar + textLines([label], { x: place.x + 6, y, classes: 'on-bar' });
    if (right + size <= next) return bar + textLines([label], { x: right + 6, y, classes: 'note' });
    return bar + textLines([label], { x: place.x - 6, y, anchor: 'end', classes: 'note' });
  });
  const blows = blowsOf(reports);
  const marks = blows.map(({ service, seconds: at }, index) => {
    const [cx, cy] = [x(at), top(service) + 4];
    return `<circle class="mark" cx="${cx.toFixed(1)}" cy="${cy}" r="9"/>${textLines([`${index + 1}`], { x: cx, y: cy - 9, anchor: 'middle', classes: 'on-bar' })}`;
  });
  let y = bottom + 10;
  const legend = blows.map(({ seconds: at, texts }, index) => {
    const lines = wrap(`${at.toFixed(1)} s: ${texts.join('; ')}`, width - 30, 'sans');
    const entry =
      `<circle class="mark" cx="10" cy="${y + 9}" r="9"/>` +
      textLines([`${index + 1}`], { x: 10, y, anchor: 'middle', classes: 'on-bar' }) +
      textLines(lines, { x: 28, y });
    y += lines.length * LINE_HEIGHT + 6;
    return entry;
  });
  return svg({ width, height: y }, `Who leads when: ${blows.flatMap(({ texts }) => texts).join('; ')}`, [
    ...axis,
    ...lanes,
    ...bars,
    ...marks,
    ...legend,
  ]);
}

function parse(output: string): Report[] {
  const reports = [...output.matchAll(/^ *(\d+\.\d+) s {2}(\S+) +(.+)$/gm)].map(([, seconds, by, text]) => ({
    seconds: Number(seconds),
    by: by as string,
    text: text as string,
  }));
  if (reports.length === 0)
    throw new SyntaxError("demo: expected lines '1.047 s  demo  SIGTERM to billing-2', received none");
  return reports;
}

/** When each service led, until it stepped down or was killed, and when it was stopped. */
function spansOf(reports: readonly Report[], end: number): Span[] {
  return reports.flatMap(({ seconds, by, text }, index): Span[] => {
    const later = reports.slice(index + 1);
    const until = (pattern: RegExp, name: string) =>
      later.find(
        (report) =>
          (report.by === name && /^○/.test(report.text)) || (report.by === 'demo' && pattern.test(report.text)),
      )?.seconds ?? end;
    const token = /^● leads, fencing token (\d+)/.exec(text)?.[1];
    if (token !== undefined) {
      const to = until(new RegExp(`^SIG(?:KILL|STOP) to ${by}\\b`), by);
      return [{ service: by, from: seconds, to, type: 'leads', label: `token ${token}` }];
    }
    const stopped = by === 'demo' ? /^SIGSTOP to ([\w-]+)/.exec(text)?.[1] : undefined;
    if (stopped === undefined) return [];
    const to = until(new RegExp(`^SIGCONT to ${stopped}\\b`), stopped);
    return [{ service: stopped, from: seconds, to, type: 'paused', label: 'paused' }];
  });
}

/** Each signal that the demo sent to one service, with the reports of what came of it. */
function blowsOf(reports: readonly Report[]): Blow[] {
  const blows: Blow[] = [];
  for (const { seconds, by, text } of reports) {
    const service = by === 'demo' ? /^SIG[A-Z]+ to ([\w-]+-\d+)\b/.exec(text)?.[1] : undefined;
    if (service !== undefined) blows.push({ service, seconds, texts: [text] });
    else if (/^(?:handed|failed) over/.test(text)) blows.at(-1)?.texts.push(text);
    else if (text.startsWith('✗')) blows.at(-1)?.texts.push(`${by}${text.slice(1)}`);
  }
  return blows;
}
