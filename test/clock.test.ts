import { describe, expect, it } from 'vitest';
import { packageNames, readSources, withoutComments } from './source-tree.js';

/** What a test runner may replace by fakes after a package was imported, and what waits by it. */
const fakeable = new RegExp(
  [
    String.raw`\b(?:set|clear)(?:Timeout|Interval|Immediate)\b`,
    String.raw`\b(?:queueMicrotask|nextTick|hrtime|performance)\b`,
    String.raw`\bDate\.now\b|\bDate\(\)`,
    String.raw`\bAbortSignal\.timeout\b`,
    "'node:(?:timers|perf_hooks)",
    `'p-retry'`,
  ].join('|'),
  'g',
);

/** The modules that take the functions of Node for all others, and the loop around p-retry that waits by them. */
const allowed = ['zookeeper-ts-client/session/clock.ts', 'test-server/clock.ts', 'core/execution/retry-loop.ts'];

const uses = (text: string) => withoutComments(text).match(fakeable) ?? [];

describe('time', () => {
  it('is taken from the clock of the package, never from what a test runner fakes', () => {
    const sources = packageNames().flatMap(readSources);
    const direct = sources
      .map(({ packageName, path, text }) => ({ file: `${packageName}/${path}`, uses: uses(text) }))
      .filter((found) => found.uses.length > 0);
    expect(direct.filter(({ file }) => !allowed.includes(file))).toEqual([]);
    expect(direct.map(({ file }) => file).sort()).toEqual([...allowed].sort());
  });

  it.each([
    'const timer = setTimeout(work, 5);',
    'clearInterval(timer);',
    'await new Promise((resolve) => setImmediate(resolve));',
    'process.nextTick(flush);',
    'queueMicrotask(flush);',
    'const nowMs = Date.now();',
    'const now = new Date();',
    'const nowMs = performance.now();',
    'const signal = AbortSignal.timeout(5);',
    "import { setTimeout as delay } from 'node:timers/promises';",
  ])('is refused as %s', (line) => expect(uses(line)).not.toEqual([]));

  it('may be handed in, and be mentioned in a comment', () => {
    expect(
      uses('/** `Date.now()`\n * setTimeout\n */\nconst since = new Date(Number(stat.ctime)); clock.now();'),
    ).toEqual([]);
  });
});
