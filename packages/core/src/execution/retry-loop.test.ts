import '../../test/fake-timers.js';
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { retryByPolicy } from './retry-loop.js';
import { exponentialBackoff, type RetryPolicy, retryForever, retryNTimes, retryUntilElapsed } from './retry-policy.js';

afterEach(() => {
  vi.clearAllTimers();
  vi.restoreAllMocks();
});

const failure = new Error('not yet');

/** Runs attempts that all fail; returns when each began, in milliseconds, and what came of them. */
async function failAll(policy: RetryPolicy, elapsedMs?: number): Promise<{ beganAtMs: number[]; outcome: unknown }> {
  const startMs = performance.now();
  const beganAtMs: number[] = [];
  const attempt = async (): Promise<void> => {
    beganAtMs.push(performance.now() - startMs);
    throw failure;
  };
  const outcome = retryByPolicy(attempt, policy, elapsedMs === undefined ? {} : { elapsedMs }).catch((error) => error);
  await vi.runAllTimersAsync();
  return { beganAtMs, outcome: await outcome };
}

describe('the delays between attempts', () => {
  it('are equal where the policy says so, and follow at once where the delay is 0', async () => {
    expect(await failAll(retryNTimes({ retries: 3, delayMs: 40 }))).toEqual({
      beganAtMs: [0, 40, 80, 120],
      outcome: failure,
    });
    expect((await failAll(retryNTimes({ retries: 3, delayMs: 0 }))).beganAtMs).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['the shortest', 0, [0, 50, 150, 350, 650]],
    ['the longest', 1, [0, 100, 300, 600, 900]],
  ])('double up to the longest one, stretched at random: %s', async (_, random, beganAtMs) => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    const policy = exponentialBackoff({ baseDelayMs: 50, maxDelayMs: 300, maxRetries: 4 });
    expect(await failAll(policy)).toEqual({ beganAtMs, outcome: failure });
  });

  it('stay the longest one after a thousand repetitions', async () => {
    const policy = exponentialBackoff({ baseDelayMs: 1, maxDelayMs: 1, maxRetries: 1_100 });
    expect((await failAll(policy)).beganAtMs.at(-1)).toBe(1_100);
  });

  it('end when the time is up: the last delay is shortened to what is left', async () => {
    const policy = retryUntilElapsed({ maxElapsedMs: 100, delayMs: 40 });
    expect(await failAll(policy)).toEqual({ beganAtMs: [0, 40, 80, 100], outcome: failure });
    expect(await failAll(policy, 70)).toEqual({ beganAtMs: [0, 30], outcome: failure });
    expect(await failAll(policy, 100)).toEqual({ beganAtMs: [0], outcome: failure });
  });
});

describe('retryByPolicy', () => {
  it('returns what an attempt returns, and tells each its number', async () => {
    const attempt = vi.fn(async (number: number) => {
      if (number < 3) throw failure;
      return number;
    });
    const result = retryByPolicy(attempt, retryForever({ delayMs: 5 }));
    await vi.runAllTimersAsync();
    expect(await result).toBe(3);
  });

  it('repeats neither a TypeError nor what the caller does not want to repeat', async () => {
    const mistake = new TypeError('a mistake');
    const wrong = vi.fn(() => Promise.reject(mistake));
    await expect(retryByPolicy(wrong, retryForever({ delayMs: 5 }))).rejects.toBe(mistake);
    const refused = vi.fn(() => Promise.reject(failure));
    const shouldRetry = vi.fn(() => false);
    await expect(retryByPolicy(refused, retryForever({ delayMs: 5 }), { shouldRetry })).rejects.toBe(failure);
    expect([wrong.mock.calls.length, refused.mock.calls.length, shouldRetry.mock.calls]).toEqual([1, 1, [[failure]]]);
  });

  it('asks whether to repeat only while another attempt is left', async () => {
    const shouldRetry = vi.fn(() => true);
    const attempt = () => Promise.reject(failure);
    await expect(retryByPolicy(attempt, retryNTimes({ retries: 0, delayMs: 5 }), { shouldRetry })).rejects.toBe(
      failure,
    );
    expect(shouldRetry).not.toHaveBeenCalled();
  });

  it('rejects with the reason in the middle of a delay, and leaves neither timer nor listener', async () => {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const attempt = vi.fn(() => Promise.reject(failure));
    const result = retryByPolicy(attempt, retryForever({ delayMs: 60_000 }), { signal }).catch((error) => error);
    await vi.advanceTimersByTimeAsync(100);
    expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([1, 1]);
    giveUp.abort('enough');
    expect(await result).toBe('enough');
    expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length, attempt.mock.calls.length]).toEqual([
      0, 0, 1,
    ]);
  });

  it('leaves no listener behind after many delays', async () => {
    const { signal } = new AbortController();
    const attempt = async (number: number): Promise<void> => {
      if (number < 50) throw failure;
    };
    const result = retryByPolicy(attempt, retryForever({ delayMs: 5 }), { signal });
    await vi.runAllTimersAsync();
    await result;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
