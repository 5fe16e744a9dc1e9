import '../../test/fake-timers.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { momentOf, systemClock } from 'zookeeper-ts-client';
import { earlierOf, hasCome, inMs, MomentTimer, NEVER } from './moment-timer.js';

afterEach(() => void vi.clearAllTimers());

const HOUR_MS = 3_600_000;

/** The wall clock jumps; the monotonic clock and timers do not. */
function jump(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

function setFor(moment: Parameters<MomentTimer['set']>[0]) {
  const timer = new MomentTimer();
  const callback = vi.fn();
  timer.set(moment, callback);
  return { timer, callback };
}

const onTheWall = (delayMs: number) => ({ ...NEVER, wallMs: systemClock.wallNow() + delayMs });

describe('a timer for a moment of the wall clock', () => {
  it('fires at the moment, once', () => {
    const { callback } = setFor(onTheWall(HOUR_MS));
    vi.advanceTimersByTime(HOUR_MS - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fires within 5 seconds after the wall clock jumped past the moment', () => {
    const { callback } = setFor(onTheWall(HOUR_MS));
    vi.advanceTimersByTime(2_000);
    jump(HOUR_MS);
    vi.advanceTimersByTime(5_000);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('waits longer after the wall clock was set back', () => {
    const { callback } = setFor(onTheWall(7_000));
    jump(-HOUR_MS);
    vi.advanceTimersByTime(HOUR_MS + 6_999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });
});

describe('a timer for a moment of the monotonic clock', () => {
  it.each([HOUR_MS, -HOUR_MS])('heeds no jump of the wall clock by %d ms', (ms) => {
    const { callback } = setFor(inMs(2_000));
    jump(ms);
    vi.advanceTimersByTime(1_999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('sets one timer for the whole time', () => {
    const { callback } = setFor(inMs(HOUR_MS));
    vi.advanceTimersToNextTimer();
    expect(callback).toHaveBeenCalledOnce();
  });
});

describe('a timer for a moment', () => {
  it('fires by the clock that is first', () => {
    const { callback } = setFor({ ...inMs(9_000), wallMs: systemClock.wallNow() + HOUR_MS });
    jump(-HOUR_MS);
    vi.advanceTimersByTime(9_000);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('fires after `set` has returned, for a moment that is over', () => {
    const { callback } = setFor(onTheWall(-5));
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('forgets the moment that was set before, and every moment when it is cleared', () => {
    const { timer, callback } = setFor(inMs(10));
    const next = vi.fn();
    timer.set(inMs(20), next);
    vi.advanceTimersByTime(20);
    expect([callback.mock.calls.length, next.mock.calls.length]).toEqual([0, 1]);
    timer.set(inMs(20), next);
    timer.clear();
    timer.set(NEVER, next);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('moments', () => {
  it('have come when one of the clocks has reached them', () => {
    const now = momentOf(systemClock);
    expect(hasCome(now, now)).toBe(true);
    expect(hasCome({ ...NEVER, wallMs: now.wallMs }, now)).toBe(true);
    expect(hasCome({ monotonicMs: now.monotonicMs + 1, wallMs: now.wallMs + 1 }, now)).toBe(false);
    expect(hasCome(NEVER, now)).toBe(false);
    expect(earlierOf({ monotonicMs: 1, wallMs: 9 }, { monotonicMs: 2, wallMs: 8 })).toEqual({
      monotonicMs: 1,
      wallMs: 8,
    });
  });
});
