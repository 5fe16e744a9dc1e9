import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from './clock.js';

afterEach(() => void vi.useRealTimers());

describe('the clock of the machine', () => {
  it('goes on, and calls back, while a test runner fakes time', async () => {
    const [nowMs, wallMs] = [systemClock.now(), systemClock.wallNow()];
    vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'Date', 'performance'] });
    vi.advanceTimersByTime(3_600_000);
    await new Promise<void>((resolve) => systemClock.schedule(5, resolve));
    await new Promise<void>((resolve) => systemClock.afterIo(resolve));
    await new Promise<void>((resolve) => systemClock.afterTick(resolve));
    expect(systemClock.now() - nowMs).toBeGreaterThanOrEqual(4);
    expect(systemClock.now() - nowMs).toBeLessThan(60_000);
    expect(Math.abs(systemClock.wallNow() - wallMs)).toBeLessThan(60_000);
  });

  it('calls back never after it was cancelled, nor after an infinite delay', async () => {
    const callback = vi.fn();
    const cancel = systemClock.schedule(1, callback);
    cancel();
    const cancelInfinite = systemClock.schedule(Number.POSITIVE_INFINITY, callback);
    await new Promise<void>((resolve) => systemClock.schedule(5, resolve));
    cancelInfinite();
    expect(callback).not.toHaveBeenCalled();
  });

  it('keeps the process alive only where it is to', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const cancel = systemClock.schedule(60_000, () => {}, { keepsAlive: false });
    expect(timers()).toBe(before);
    const cancelKeeping = systemClock.schedule(60_000, () => {});
    expect(timers()).toBe(before + 1);
    cancel();
    cancelKeeping();
    expect(timers()).toBe(before);
  });
});
