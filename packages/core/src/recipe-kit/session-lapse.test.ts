import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeKeeper } from '../../test/fake-keeper.js';
import { epochValidForMs, onSessionLapse } from './session-lapse.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function lapsing(prepare: (keeper: FakeKeeper) => void = () => {}) {
  const keeper = new FakeKeeper();
  keeper.prolong(1_000);
  prepare(keeper);
  const callback = vi.fn();
  const cancel = onSessionLapse(keeper.asKeeper, 1, callback);
  return { keeper, callback, cancel };
}

function expectNothingLeft(keeper: FakeKeeper): void {
  expect(keeper.stateListeners.size).toBe(0);
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
});
