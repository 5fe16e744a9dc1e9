import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { type FakeTimers, liveInFakeTime, liveOnInFakeTime } from './story.mjs';

type Fakeable = NonNullable<NonNullable<Parameters<typeof vi.useFakeTimers>[0]>['toFake']>[number];

/** All that vitest can fake in Node, but for `nextTick`. */
const all: readonly Fakeable[] = [
  ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const),
  ...(['Date', 'performance', 'hrtime', 'queueMicrotask'] as const),
];

function vitestFaking(toFake: readonly Fakeable[]): FakeTimers {
  return {
    install: () => void vi.useFakeTimers({ toFake: [...toFake] }),
    advance: (ms) => vi.advanceTimersByTime(ms),
    uninstall: () => void vi.useRealTimers(),
  };
}

/** Runs a program of this folder by `node --test`. Returns its report. */
async function reportOf(program: string): Promise<string> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  // Node would take the test for a part of a run of its own.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
    env,
    timeout: 25_000,
  });
  return stdout;
}

describe('a keeper, its holds and a test server', () => {
  it('live on while vitest fakes everything that it can', async () => {
    await expect(liveInFakeTime(vitestFaking(all))).resolves.toBeUndefined();
  });

  it('live on while vitest fakes process.nextTick too, once they are connected', async () => {
    await expect(liveOnInFakeTime(vitestFaking([...all, 'nextTick']))).resolves.toBeUndefined();
  });

  it('live on while node:test fakes everything that it can', async () => {
    const report = await reportOf('node-timers.mjs');
    expect(report).toMatch(/^# pass 1$/m);
    expect(report).toMatch(/^# fail 0$/m);
  });
});
