/**
 * Draws the results of bench/README.md as bar charts: `node bench/charts.mjs` writes recipes-docs/pictures/bench-*.svg. With `--check` it writes
 * nothing, and fails if a chart differs from the results.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const results = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const folder = new URL('../recipes-docs/pictures/', import.meta.url);

const OURS = 'zk-recipes';
const clients = ['zookeeper-ts-client', 'node-zookeeper-client', 'zookeeper', 'raw-socket'];
const locks = 'Results of `locks`';
const queues = 'Results of `queues`';
const transactions = 'Results of `two-phase-commit`';

/** A bar: its label, then row and column of its number in the table. A group: what is measured, and its bars. */
const charts = [
  {
    file: 'bench-client-operations.svg',
    title: 'Operations a second, 256 requests under way. More is better',
    heading: 'Results',
    groups: [{ name: '', bars: clients.map((name) => [name, 'operations a second, window 256', name]) }],
  },
  {
    file: 'bench-client-cpu.svg',
    title: 'Microseconds of CPU an operation, 256 requests under way. Less is better',
    heading: 'Results',
    groups: [{ name: '', bars: clients.map((name) => [name, 'CPU an operation, window 256', name]) }],
  },
  {
    file: 'bench-locks.svg',
    title: 'Mutex, data of the server in memory. More is better',
    heading: locks,
    groups: [
      ['Acquire and release a second, alone', 'acquire + release a second, alone, in memory'],
      ['Hand-overs a second, 8 sessions', 'hand-overs a second, 8 sessions, in memory'],
      [
        'Hand-overs a second, 8 contenders in one session',
        'hand-overs a second, 8 contenders in one session, in memory',
      ],
    ].map(([name, row]) => ({ name, bars: [OURS, 'Curator'].map((column) => [column, row, column]) })),
  },
  {
    file: 'bench-queues.svg',
    title: 'Items a second, data of the server in memory. More is better',
    heading: queues,
    groups: [
      ['Put, one after the other', 'put a second, one after the other'],
      ['Put, many at once', 'put a second, many at once'],
      ['Consume, 1 consumer', 'consume a second, 1 consumer', 'the same with `prefetch`, 1 consumer'],
      ['Consume, 4 consumers', 'consume a second, 4 consumers', 'with `prefetch`, 4 consumers'],
    ].map(([name, row, prefetching]) => ({
      name,
      bars: [
        [OURS, row, OURS],
        ...(prefetching === undefined ? [] : [[`${OURS}, prefetch`, prefetching, OURS]]),
        ['Curator', row, 'Curator'],
      ],
    })),
  },
  {
    file: 'bench-two-phase-commit.svg',
    title: 'Transactions a second, data of the server in memory. More is better',
    heading: transactions,
    groups: [
      ['2 participants, one at a time', 'transactions a second, 2 participants, one at a time, in memory'],
      ['2 participants, 32 at once', 'transactions a second, 2 participants, 32 at once, in memory'],
      ['5 participants, one at a time', 'transactions a second, 5 participants, one at a time, in memory'],
      ['5 participants, 32 at once', 'transactions a second, 5 participants, 32 at once, in memory'],
    ].map(([name, row]) => ({ name, bars: [OURS, 'bare requests'].map((column) => [column, row, column]) })),
  },
];

/** @returns the number in a cell of the first table below a heading: the first one, where there are several */
function numberAt(heading, row, column) {
  const section = results.split(/^### /m).find((text) => text.startsWith(`${heading}\n`));
  const table = section?.split('\n').filter((line) => line.startsWith('|')) ?? [];
  const cells = (line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const index = cells(table[0] ?? '').indexOf(`\`${column}\``);
  const found = table.map(cells).find(([name]) => name === row)?.[index] ?? '';
  const text = /[\d,]+(?:\.\d+)?/.exec(found)?.[0];
  if (text === undefined) throw new Error(`Expected a number at '${row}', '${column}' of '${heading}', got '${found}'`);
  return { value: Number(text.replaceAll(',', '')), text };
}

const [WIDTH, LEFT, RIGHT, BAR, GAP, GROUP] = [580, 165, 70, 18, 6, 30];

/** A grey that can be read on a light page and on a dark one. */
const STYLE =
  'text{font:13px system-ui,sans-serif;fill:#7a7f87}.title{font-weight:600}.ours{fill:#3b82c4}.other{fill:#9aa0a8}';

function draw({ title, heading, groups }) {
  const numbers = groups.flatMap(({ bars }) => bars.map(([, row, column]) => numberAt(heading, row, column).value));
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...numbers);
  const shapes = [`<text class="title" x="0" y="16">${xmlText(title)}</text>`];
  let y = GROUP;
  for (const { name, bars } of groups) {
    if (name !== '') shapes.push(`<text x="0" y="${y + 14}">${xmlText(name)}</text>`);
    if (name !== '') y += BAR + GAP;
    for (const [label, row, column] of bars) {
      const { value, text } = numberAt(heading, row, column);
      const isOurs = label.startsWith(OURS) || label === 'zookeeper-ts-client';
      const width = Math.round(value * scale);
      shapes.push(
        `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${xmlText(label)}</text>`,
        `<rect class="${isOurs ? 'ours' : 'other'}" x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
        `<text x="${LEFT + width + 6}" y="${y + 13}">${text}</text>`,
      );
      y += BAR + GAP;
    }
    y += GAP;
  }
  const size = `viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${xmlText(title)}</title>`,
    `<style>${STYLE}</style>`,
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}

function xmlText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const isCheck = process.argv[2] === '--check';
if (!isCheck) mkdirSync(folder, { recursive: true });
for (const chart of charts) {
  const file = new URL(chart.file, folder);
  const svg = draw(chart);
  if (!isCheck) writeFileSync(file, svg);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== svg) {
    console.error(`${fileURLToPath(file)} differs from the results: run node bench/charts.mjs`);
    process.exitCode = 1;
  }
}
