import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findServerSource } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { beforeAll, describe, expect, it } from 'vitest';
import { runDemo } from '../src/demo/demo.js';
import type { DemoOptions } from '../src/demo/options.js';
import type { DemoResult } from '../src/demo/verdict.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

/** Runs the demo, and expects of it what holds on any server. */
async function expectSafeDemo(options: DemoOptions): Promise<{ result: DemoResult; output: string }> {
  const lines: string[] = [];
  const screen = { print: (line: string) => lines.push(line), colours: false };
  const result = await runDemo(options, screen, new AbortController().signal);
  const output = lines.join('\n');
  expect(result.line).toMatch(
    /^RESULT \{"handoverMs":\d+,"failoverMs":\d+,"sessionTimeoutMs":\d+,"overlaps":0,"staleWrites":0,"server":"\S+ \w+"\}$/,
  );
  expect(result.isSafe, output).toBe(true);
  expect(output).toContain('refused by the server');
  return { result, output };
}

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describe('the demo', () => {
  it('ends with no two leaders, no stale write, and a next leader in time', { timeout: 90_000 }, async () => {
    const { result, output } = await expectSafeDemo({ on: 'test-server' });
    expect(result.line).toContain('-zk-recipes-test-server standalone');
    expect(result.isGood, output).toBe(true);
  });
});

// Not only where servers can be started: one that runs will do.
describeOnSharedServer('the demo on a real ZooKeeper', () => {
  it('ends as it does on the test server', { timeout: 90_000 }, async () => {
    const { result, output } = await expectSafeDemo({ on: 'real' });
    expect(result.line).not.toContain('test-server');
    // A server that was found running may have ticks too long for that.
    if ((await findServerSource()).running === null) expect(result.isGood, output).toBe(true);
  });
});
