import '../../test/fake-timers.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeKeeper } from '../../test/fake-keeper.js';
import { persevere } from './persevere.js';

afterEach(() => void vi.clearAllTimers());

/** Attempts that last so long and fail; the pauses between them, in milliseconds. */
async function pausesOf(lastingMs: readonly number[]): Promise<number[]> {
  const pauses: number[] = [];
  let endedMs = performance.now();
  let attempt = 0;
  const task = async (): Promise<void> => {
    pauses.push(performance.now() - endedMs);
    const ms = lastingMs[attempt++];
    if (ms === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, ms));
    endedMs = performance.now();
    throw new Error('failed');
  };
  const options = { signal: new AbortController().signal, onFailure: vi.fn() };
  const done = persevere(new FakeKeeper().asKeeper, task, options);
  await vi.runAllTimersAsync();
  await done;
  expect(options.onFailure).toHaveBeenCalledTimes(lastingMs.length);
  return pauses.slice(1);
}

describe('persevere', () => {
  it('pauses for longer after each failure, up to a few seconds', async () => {
    const pauses = await pausesOf(Array.from({ length: 10 }, () => 1));
    expect(pauses[0]).toBeLessThanOrEqual(100);
    expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(1_999);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(4_000);
  });

  it('goes on at once after an attempt that failed late, however often, and begins with short pauses again', async () => {
    const late = Array.from({ length: 10 }, () => 10_000);
    expect(Math.max(...(await pausesOf(late)))).toBe(0);
    const [first, second, third] = (await pausesOf([1, 1, 1, 1, 1, 1, 10_000, 1])).slice(5);
    expect(first).toBeGreaterThanOrEqual(1_599);
    expect(second).toBe(0);
    expect(third).toBeLessThanOrEqual(100);
  });
});
