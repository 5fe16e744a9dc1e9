import '../../test/fake-timers.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionLossError } from 'zookeeper-ts-client';
import { FakeKeeper, fakeMember } from '../../test/fake-keeper.js';
import { standInLine } from './acquisition.js';
import { type Patience, tryWithin } from './patience.js';

afterEach(() => void vi.clearAllTimers());

/** The answers of the servers, which come when the test says so. */
class Answers {
  #waiting: ((othersAhead: boolean) => void)[] = [];

  /** Reads the line. @returns whether others are ahead */
  async read(signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** Number of reads without an answer. */
  get awaited(): number {
    return this.#waiting.length;
  }

  async answer(othersAhead: boolean): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve(othersAhead);
    await vi.advanceTimersByTimeAsync(0);
  }
}

async function untilFirst(answers: Answers, patience: Patience): Promise<string> {
  const { signal } = patience;
  if (await answers.read(signal)) {
    patience.wait();
    await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
  }
  return 'hold';
}

function trying(options: { readonly timeoutMs?: number; readonly signal?: AbortSignal }) {
  const keeper = new FakeKeeper();
  const answers = new Answers();
  const settled = vi.fn();
  const outcome = tryWithin(keeper.asKeeper, '/line', options, (patience) =>
    standInLine(
      keeper.asKeeper,
      patience,
      async () => fakeMember(keeper),
      () => untilFirst(answers, patience),
    ),
  );
  outcome.then(settled, settled);
  return { keeper, answers, outcome, settled };
}

function expectNothingLeft(keeper: FakeKeeper): void {
  expect(vi.getTimerCount()).toBe(0);
  expect(keeper.stateListeners.size).toBe(0);
}

describe('tryWithin', () => {
  it('resolves with null when others are ahead and the time is over', async () => {
    const { keeper, answers, outcome, settled } = trying({ timeoutMs: 60 });
    await vi.advanceTimersByTimeAsync(0);
    await answers.answer(true);
    await vi.advanceTimersByTimeAsync(59);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toBeNull();
    expectNothingLeft(keeper);
  });

  it.each([
    [true, null],
    [false, 'hold'],
  ])('takes an answer that comes after the time: others ahead %s, result %s', async (othersAhead, expected) => {
    const { keeper, answers, outcome, settled } = trying({ timeoutMs: 60 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(settled).not.toHaveBeenCalled();
    await answers.answer(othersAhead);
    expect(await outcome).toBe(expected);
    expectNothingLeft(keeper);
  });

  it.each([
    [60, 30_000],
    [40_000, 30_000],
  ])('rejects without any answer: with a time limit of %d ms after %d ms', async (timeoutMs, afterMs) => {
    const { keeper, outcome, settled } = trying({ timeoutMs });
    await vi.advanceTimersByTimeAsync(afterMs - 1);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await expect(outcome).rejects.toThrow(ConnectionLossError);
    expectNothingLeft(keeper);
  });

  it.each([
    [true, null],
    [false, 'hold'],
  ])(
    'without a connection at the end of its time reads the line again on the next one: others ahead %s, result %s',
    async (othersAhead, expected) => {
      const { keeper, answers, outcome, settled } = trying({ timeoutMs: 60 });
      await vi.advanceTimersByTimeAsync(0);
      await answers.answer(true);
      keeper.announce('SUSPENDED');
      await vi.advanceTimersByTimeAsync(1_000);
      expect([settled.mock.calls.length, answers.awaited]).toEqual([0, 0]);
      keeper.announce('RECONNECTED');
      await vi.advanceTimersByTimeAsync(0);
      expect(answers.awaited).toBe(1);
      await answers.answer(othersAhead);
      expect(await outcome).toBe(expected);
      expectNothingLeft(keeper);
    },
  );

  it('rejects when there is no connection at the end of its time, nor later', async () => {
    const { keeper, answers, outcome } = trying({ timeoutMs: 60 });
    await vi.advanceTimersByTimeAsync(0);
    await answers.answer(true);
    keeper.announce('SUSPENDED');
    const rejected = expect(outcome).rejects.toThrow(ConnectionLossError);
    await vi.advanceTimersByTimeAsync(30_000);
    await rejected;
    expectNothingLeft(keeper);
  });

  it('rejects with the reason of the signal, also between two readings of the line', async () => {
    const caller = new AbortController();
    const { keeper, answers, outcome } = trying({ timeoutMs: 60, signal: caller.signal });
    await vi.advanceTimersByTimeAsync(0);
    await answers.answer(true);
    keeper.announce('SUSPENDED');
    await vi.advanceTimersByTimeAsync(60);
    keeper.announce('RECONNECTED');
    const reason = new Error('enough');
    caller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expectNothingLeft(keeper);
  });
});
