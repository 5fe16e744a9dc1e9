import { ConnectionLossError, type Keeper, NoAuthError, ThrottledOpError, UnimplementedError } from '@zk-recipes/core';
import { systemClock } from '@zk-recipes/core/recipe-kit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { QueueTooLargeError } from './errors.js';
import { Trouble } from './trouble.js';

let nowMs = 5_000;
beforeEach(() => {
  nowMs = 5_000;
  vi.spyOn(systemClock, 'now').mockImplementation(() => nowMs);
});
afterEach(() => void vi.restoreAllMocks());

function scene(endsOnRefusal: boolean) {
  const reports: unknown[] = [];
  const fatal: unknown[] = [];
  const keeper = { closed: false, reportBackgroundError: (error: unknown) => reports.push(error) } as unknown as Keeper;
  const onFatal = (error: unknown): void => void fatal.push(error);
  const trouble = new Trouble(keeper, '/queue', new AbortController().signal, { endsOnRefusal, onFatal });
  return { trouble, reports, fatal };
}

const refusal = (): NoAuthError => new NoAuthError(-102, 'multi', '/queue-side/claims');

it('a pause after a failure lasts a second by the monotonic clock, whatever the wall clock does', () => {
  const { trouble } = scene(false);
  trouble.meet(new ConnectionLossError('multi', null, 'not-sent'), 'claiming an item');
  expect(trouble.until).toEqual({ monotonicMs: 6_000, wallMs: Number.POSITIVE_INFINITY });
});

it('pauses after refusals grow to four seconds, and are short again after a claim', () => {
  const { trouble, reports, fatal } = scene(false);
  const pauses: number[] = [];
  for (let time = 0; time < 8; time++) {
    trouble.meet(refusal(), 'claiming an item');
    // What fails at the same time is one failure.
    trouble.meet(refusal(), 'claiming an item');
    pauses.push(trouble.until.monotonicMs - nowMs);
    nowMs = trouble.until.monotonicMs;
  }
  trouble.pass();
  trouble.meet(refusal(), 'claiming an item');
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 4_000, 4_000]);
  expect(trouble.until.monotonicMs - nowMs).toBe(100);
  expect([reports.length, fatal.length]).toEqual([17, 0]);
});

it('a refusal ends the consumers whose callers hear of it; what can never go well ends all', () => {
  const passing = new ThrottledOpError(-127, 'multi', null);
  const hopeless = [
    new UnimplementedError(-6, 'addWatch', null),
    new QueueTooLargeError('/queue'),
    new TypeError('a bug'),
  ];
  for (const endsOnRefusal of [false, true]) {
    const { trouble, fatal } = scene(endsOnRefusal);
    trouble.meet(passing, 'claiming an item');
    expect(fatal).toEqual([]);
    const refused = refusal();
    trouble.meet(refused, 'claiming an item');
    for (const error of hopeless) trouble.meet(error, 'claiming an item');
    expect(fatal).toEqual(endsOnRefusal ? [refused, ...hopeless] : hopeless);
  }
});
