import { ConnectionLossError, type Keeper } from '@zk-recipes/core';
import { systemClock } from '@zk-recipes/core/recipe-kit';
import { afterEach, expect, it, vi } from 'vitest';
import { Trouble } from './trouble.js';

afterEach(() => void vi.restoreAllMocks());

it('a pause after a failure lasts a second by the monotonic clock, whatever the wall clock does', () => {
  vi.spyOn(systemClock, 'now').mockReturnValue(5_000);
  const keeper = { closed: false, reportBackgroundError: () => {} } as unknown as Keeper;
  const trouble = new Trouble(keeper, '/queue', new AbortController().signal, () => {});
  trouble.meet(new ConnectionLossError('multi', null, 'not-sent'), 'claiming an item');
  expect(trouble.until).toEqual({ monotonicMs: 6_000, wallMs: Number.POSITIVE_INFINITY });
});
