import { describe, expect, it } from 'vitest';
import { exponentialBackoff, retryForever, retryNTimes, retryUntilElapsed } from './retry-policy.js';

describe('retry policies', () => {
  it('are plain data', () => {
    expect(exponentialBackoff({ baseDelayMs: 50, maxDelayMs: 2_000, maxRetries: 8 })).toEqual({
      retries: 8,
      baseDelayMs: 50,
      maxDelayMs: 2_000,
      factor: 2,
      jitter: true,
      maxElapsedMs: Number.POSITIVE_INFINITY,
    });
    expect(retryNTimes({ retries: 3, delayMs: 10 })).toMatchObject({
      retries: 3,
      baseDelayMs: 10,
      maxDelayMs: 10,
      factor: 1,
    });
    expect(retryForever({ delayMs: 10 }).retries).toBe(Number.POSITIVE_INFINITY);
    expect(retryUntilElapsed({ maxElapsedMs: 500, delayMs: 10 })).toMatchObject({
      retries: Number.POSITIVE_INFINITY,
      maxElapsedMs: 500,
    });
  });

  it('refuse what makes no sense, by name', () => {
    expect(() => exponentialBackoff({ baseDelayMs: -1, maxDelayMs: 0, maxRetries: 0 })).toThrow(/`baseDelayMs`/);
    expect(() => exponentialBackoff({ baseDelayMs: 0, maxDelayMs: 0, maxRetries: 1.5 })).toThrow(/`maxRetries`/);
    expect(() => retryNTimes({ retries: -1, delayMs: 0 })).toThrow(RangeError);
    expect(() => retryNTimes({ retries: 1, delayMs: Number.NaN })).toThrow(TypeError);
    expect(() => retryForever({ delayMs: '1' as unknown as number })).toThrow(TypeError);
    expect(() => retryUntilElapsed({ maxElapsedMs: -1, delayMs: 0 })).toThrow(/`maxElapsedMs`/);
  });
});
