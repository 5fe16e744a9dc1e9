import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findServerSource } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { beforeAll, expect, it } from 'vitest';
import { runDemo } from '../src/demo/demo.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

describeOnSharedServer('the demo', () => {
  // Its processes run what is compiled.
  beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

  it('ends with no two leaders, no stale write, and a next leader in time', { timeout: 90_000 }, async () => {
    const lines: string[] = [];
    const screen = { print: (line: string) => lines.push(line), colours: false };
    const result = await runDemo({ connect: null, ensemble: false }, screen, new AbortController().signal);
    expect(result.line).toMatch(
      /^RESULT \{"handoverMs":\d+,"failoverMs":\d+,"sessionTimeoutMs":\d+,"overlaps":0,"staleWrites":0,"server":"\S+ \w+"\}$/,
    );
    expect(result.isSafe).toBe(true);
    const timeline = lines.join('\n');
    expect(timeline).toContain('refused by the server');
    // A server that was found running may have ticks too long for that.
    if ((await findServerSource()).running === null) expect(result.isGood, timeline).toBe(true);
  });
});
