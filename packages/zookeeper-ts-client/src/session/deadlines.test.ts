import { describe, expect, it } from 'vitest';
import { attemptLimitMs, deadlinesFor, nextPingInMs } from './deadlines.js';
import { reconnectDelayMs } from './reconnect-policy.js';

describe('deadlinesFor', () => {
  it.each([
    [6000, 1, 6000, 4000, 8000],
    [6000, 3, 2000, 4000, 8000],
    [10_000, 3, 3333, 6666, 13_333],
    [1, 3, 1, 1, 1],
  ])('a session timeout of %i ms with %i servers', (timeoutMs, servers, connectMs, readMs, silenceMs) => {
    expect(deadlinesFor(timeoutMs, servers)).toEqual({ connectMs, readMs, silenceMs });
  });
});

describe('nextPingInMs', () => {
  /** When the first ping is due after the last packet, in steps of a millisecond. */
  function firstPingMs(timeoutMs: number): number {
    const { readMs } = deadlinesFor(timeoutMs, 1);
    let idleMs = 0;
    while (nextPingInMs(readMs, idleMs) > 0) idleMs += Math.max(1, Math.ceil(nextPingInMs(readMs, idleMs)));
    return idleMs;
  }

  it.each([
    [6000, 2000],
    [3000, 1000],
    [300, 100],
    [30_000, 10_000],
    [60_000, 10_000],
    [4_000_000, 10_000],
  ])('with a session timeout of %i ms a ping is due after %i ms of idleness', (timeoutMs, dueMs) => {
    expect(firstPingMs(timeoutMs)).toBe(dueMs);
  });

  it('is due a second early where more than a second has passed, for a look can come late', () => {
    expect(nextPingInMs(4000, 900)).toBe(1100);
    expect(nextPingInMs(4000, 1001)).toBeLessThanOrEqual(0);
  });
});

describe('reconnectDelayMs', () => {
  const delays = { minDelayMs: 100, maxDelayMs: 1000 };

  it('tries another server at once', () => {
    expect(reconnectDelayMs(delays, 0, () => 1)).toBe(0);
  });

  it('pauses at random below a ceiling that doubles with each round', () => {
    expect([1, 2, 3, 4, 5, 99].map((round) => reconnectDelayMs(delays, round, () => 1))).toEqual([
      200, 400, 800, 1000, 1000, 1000,
    ]);
    expect([1, 5].map((round) => reconnectDelayMs(delays, round, () => 0))).toEqual([100, 100]);
    expect(reconnectDelayMs(delays, 2, () => 0.5)).toBe(250);
  });

  it('never pauses less than the least', () => {
    expect(reconnectDelayMs({ minDelayMs: 50, maxDelayMs: 50 }, 3, () => 0.5)).toBe(50);
    expect(reconnectDelayMs({ minDelayMs: 0, maxDelayMs: 0 }, 3, () => 0.5)).toBe(0);
  });
});

describe('the limit of an attempt', () => {
  it.each([
    [0, 0, 1, 15_000],
    [0, 5, 3, 15_000],
    [1, 0, 1, 1_000],
    [7, 0, 1, 1_000],
    [7, 1, 1, 2_000],
    [7, 2, 1, 4_000],
    [12, 9, 1, 15_000],
    [1, 2, 3, 1_000],
    [1, 3, 3, 2_000],
  ])(
    'after %i refused attempts and %i unanswered ones, with %i addresses, is %i ms',
    (refused, unanswered, count, limitMs) => {
      expect(attemptLimitMs(15_000, refused, unanswered, count)).toBe(limitMs);
    },
  );

  it('is never longer than that of an attempt that follows no refused one', () => {
    expect(attemptLimitMs(500, 4, 0, 1)).toBe(500);
  });
});
