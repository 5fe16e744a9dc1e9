import '../../test/fake-timers.js';
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SessionExpiredError } from 'zookeeper-ts-client';
import { FakeKeeper } from '../../test/fake-keeper.js';
import { epochValidForMs, onSessionLapse, withinSession } from './session-lapse.js';

afterEach(() => void vi.clearAllTimers());

function lapsing(prepare: (keeper: FakeKeeper) => void = () => {}) {
  const keeper = new FakeKeeper();
  keeper.prolong(1_000);
  prepare(keeper);
  const callback = vi.fn();
  const cancel = onSessionLapse(keeper.asKeeper, 1, callback);
  return { keeper, callback, cancel };
}

function expectNothingLeft(keeper: FakeKeeper): void {
  // One for the life of the keeper.
  expect(keeper.stateListeners.size).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
}

describe('epochValidForMs', () => {
  it('is 0 for every session but the newest', () => {
    const keeper = new FakeKeeper();
    keeper.prolong(500);
    expect(epochValidForMs(keeper.asKeeper, 1)).toBe(500);
    expect(epochValidForMs(keeper.asKeeper, 2)).toBe(0);
    keeper.sessionEpoch = 2;
    expect(epochValidForMs(keeper.asKeeper, 1)).toBe(0);
  });
});

describe('onSessionLapse', () => {
  it('calls back when the clock has run out, and not before', () => {
    const { keeper, callback } = lapsing();
    vi.advanceTimersByTime(999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback.mock.calls).toEqual([['validity']]);
    expectNothingLeft(keeper);
  });

  it('goes on waiting while the session is prolonged', () => {
    const { keeper, callback } = lapsing();
    for (let round = 0; round < 10; round++) {
      vi.advanceTimersByTime(900);
      keeper.prolong(1_000);
    }
    expect(callback).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('waits for a session that is valid for longer than a timer can be', () => {
    const { callback } = lapsing((keeper) => keeper.prolong(2 ** 32));
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('looks at the clock when the state changes, for the timer may come late', () => {
    const { keeper, callback } = lapsing();
    keeper.announce('SUSPENDED');
    expect(callback).not.toHaveBeenCalled();
    keeper.block(1_000);
    keeper.announce('RECONNECTED');
    expect(callback.mock.calls).toEqual([['validity']]);
    expectNothingLeft(keeper);
  });

  it('tells at once of a session that is over already, and why', () => {
    const next = lapsing((keeper) => {
      keeper.sessionEpoch = 2;
    });
    expect(next.callback.mock.calls).toEqual([['expired']]);
    const closed = lapsing((keeper) => {
      keeper.closed = true;
    });
    expect(closed.callback.mock.calls).toEqual([['closed']]);
    expectNothingLeft(next.keeper);
    expectNothingLeft(closed.keeper);
  });

  it('calls back once, and not after it was cancelled', () => {
    const once = lapsing();
    vi.advanceTimersByTime(1_000);
    once.keeper.announce('LOST');
    expect(once.callback).toHaveBeenCalledOnce();
    const cancelled = lapsing();
    cancelled.cancel();
    cancelled.keeper.block(2_000);
    cancelled.keeper.announce('LOST');
    vi.advanceTimersByTime(2_000);
    expect(cancelled.callback).not.toHaveBeenCalled();
    expectNothingLeft(cancelled.keeper);
  });

  it('needs one timer and one listener for all', () => {
    const { keeper, callback } = lapsing();
    const others = Array.from({ length: 100 }, () => vi.fn());
    const cancels = others.map((other) => onSessionLapse(keeper.asKeeper, 1, other));
    expect([vi.getTimerCount(), keeper.stateListeners.size]).toEqual([1, 1]);
    cancels[0]?.();
    vi.advanceTimersByTime(1_000);
    expect(callback).toHaveBeenCalledOnce();
    expect(others.map((other) => other.mock.calls.length)).toEqual([0, ...Array.from({ length: 99 }, () => 1)]);
    expectNothingLeft(keeper);
  });

  it('does not miss that the next session is shorter', () => {
    const { keeper, callback } = lapsing((fake) => fake.prolong(10_000));
    keeper.sessionEpoch = 2;
    keeper.prolong(1_000);
    const next = vi.fn();
    onSessionLapse(keeper.asKeeper, 2, next);
    keeper.announce('RECONNECTED');
    expect(callback.mock.calls).toEqual([['expired']]);
    vi.advanceTimersByTime(1_000);
    expect(next.mock.calls).toEqual([['validity']]);
  });

  it('is told to all, whatever one of them throws', () => {
    const { keeper, callback } = lapsing();
    callback.mockImplementation(() => {
      throw new Error('as it was told');
    });
    const second = vi.fn();
    onSessionLapse(keeper.asKeeper, 1, second);
    vi.advanceTimersByTime(1_000);
    expect(second).toHaveBeenCalledOnce();
    expect(keeper.backgroundErrors).toEqual([new Error('as it was told')]);
    expectNothingLeft(keeper);
  });

  it('calls nobody whom another has cancelled in the same moment', () => {
    const { keeper, callback } = lapsing();
    let cancelSecond = (): void => {};
    const second = vi.fn();
    callback.mockImplementation(() => cancelSecond());
    cancelSecond = onSessionLapse(keeper.asKeeper, 1, second);
    vi.advanceTimersByTime(1_000);
    expect(callback).toHaveBeenCalledOnce();
    expect(second).not.toHaveBeenCalled();
  });
});

describe('withinSession', () => {
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  it('ends the waiting of all with the session, and needs one listener for all', async () => {
    const keeper = new FakeKeeper();
    const waits = Array.from({ length: 20 }, () => withinSession(keeper.asKeeper, 1, undefined, untilAborted));
    expect(keeper.stateListeners.size).toBe(1);
    keeper.announce('SUSPENDED');
    keeper.sessionEpoch = 2;
    keeper.announce('RECONNECTED');
    for (const wait of waits) await expect(wait).rejects.toBeInstanceOf(SessionExpiredError);
  });

  it('begins nothing in a session that is over, also before that was told', async () => {
    const keeper = new FakeKeeper();
    const first = withinSession(keeper.asKeeper, 1, undefined, untilAborted);
    keeper.sessionEpoch = 2;
    const wait = vi.fn(untilAborted);
    await expect(withinSession(keeper.asKeeper, 1, undefined, wait)).rejects.toBeInstanceOf(SessionExpiredError);
    expect(wait).not.toHaveBeenCalled();
    keeper.announce('RECONNECTED');
    await expect(first).rejects.toBeInstanceOf(SessionExpiredError);
    await expect(withinSession(keeper.asKeeper, 2, undefined, async () => 'in the next')).resolves.toBe('in the next');
  });

  it('ends the waiting in one session when somebody is faster to wait in the next than the state is told', async () => {
    const keeper = new FakeKeeper();
    const first = withinSession(keeper.asKeeper, 1, undefined, untilAborted);
    keeper.sessionEpoch = 2;
    const second = withinSession(keeper.asKeeper, 2, undefined, untilAborted);
    await expect(first).rejects.toBeInstanceOf(SessionExpiredError);
    keeper.announce('RECONNECTED');
    expect(await Promise.race([second, Promise.resolve('still waiting')])).toBe('still waiting');
    keeper.sessionEpoch = 3;
    keeper.announce('RECONNECTED');
    await expect(second).rejects.toBeInstanceOf(SessionExpiredError);
  });

  it("rejects with the caller's reason, and leaves no listener on the caller's signal", async () => {
    const keeper = new FakeKeeper();
    const caller = new AbortController();
    await withinSession(keeper.asKeeper, 1, caller.signal, async () => {});
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    const wait = withinSession(keeper.asKeeper, 1, caller.signal, untilAborted);
    caller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    await expect(withinSession(keeper.asKeeper, 1, caller.signal, untilAborted)).rejects.toThrow('enough');
  });
});
