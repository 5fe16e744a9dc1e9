import { systemClock } from '@zk-recipes/core/recipe-kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AttemptRecord, NO_ATTEMPTS } from './attempt-record.js';
import { type AvailableItem, Backlog } from './backlog.js';
import { Deferrals } from './deferrals.js';
import { byDueTime, dueTimeName, inOrder } from './item-name.js';
import { storeOf } from './places.js';

const HOUR_MS = 3_600_000;
const store = storeOf('/queue');

let now: { monotonicMs: number; wallMs: number };

beforeEach(() => {
  now = { monotonicMs: 1_000, wallMs: 1_700_000_000_000 };
  vi.spyOn(systemClock, 'now').mockImplementation(() => now.monotonicMs);
  vi.spyOn(systemClock, 'wallNow').mockImplementation(() => now.wallMs);
});
afterEach(() => void vi.restoreAllMocks());

/** Time passes on both clocks. */
function pass(ms: number): void {
  now = { monotonicMs: now.monotonicMs + ms, wallMs: now.wallMs + ms };
}

/** The wall clock jumps. */
function jump(ms: number): void {
  now = { ...now, wallMs: now.wallMs + ms };
}

const givenBack = (delayMs: number): AttemptRecord => ({ ...NO_ATTEMPTS, notBeforeMs: now.wallMs + delayMs, delayMs });

describe('an item that is given back with a delay', () => {
  const item = { store, name: 'queue-0000000001' };

  it('is left alone for the delay', () => {
    const deferrals = new Deferrals();
    const record = givenBack(2_000);
    expect(deferrals.of(item, record, 1)).toEqual({ wallMs: now.wallMs + 2_000, monotonicMs: 3_000 });
    pass(1_999);
    expect(deferrals.of(item, record, 1)).not.toBeNull();
    pass(1);
    expect(deferrals.of(item, record, 1)).toBeNull();
  });

  it('is left alone no longer where the wall clock is set back, or is behind', () => {
    const deferrals = new Deferrals();
    const record = givenBack(2_000);
    jump(-HOUR_MS);
    expect(deferrals.of(item, record, 1)?.monotonicMs).toBe(3_000);
    pass(2_000);
    expect(deferrals.of(item, record, 1)).toBeNull();
  });

  it('is left alone anew after it was given back again', () => {
    const deferrals = new Deferrals();
    const record = givenBack(2_000);
    jump(-HOUR_MS);
    deferrals.of(item, record, 1);
    pass(2_000);
    expect(deferrals.of(item, record, 2)?.monotonicMs).toBe(5_000);
  });

  it('is left alone until the moment of the wall clock where no delay is known', () => {
    const record = { ...givenBack(2_000), delayMs: Number.POSITIVE_INFINITY };
    const deferrals = new Deferrals();
    expect(deferrals.of(item, record, 1)).toEqual({
      wallMs: record.notBeforeMs,
      monotonicMs: Number.POSITIVE_INFINITY,
    });
    jump(HOUR_MS);
    expect(deferrals.of(item, record, 1)).toBeNull();
  });
});

describe('a backlog', () => {
  it('shows a deferred item again as soon as one of the clocks allows it', () => {
    const backlog = new Backlog([store], inOrder);
    backlog.add(store, 'queue-0000000001');
    const [item] = backlog.available(1, now).items as [AvailableItem];
    const until = { wallMs: now.wallMs + 2_000, monotonicMs: now.monotonicMs + 2_000 };
    backlog.defer(item, until);
    expect(backlog.available(1, now)).toEqual({ items: [], nextAt: until });
    expect(backlog.available(1, { ...now, wallMs: until.wallMs }).items).toHaveLength(1);
    expect(backlog.available(1, { ...until, wallMs: 0 }).items).toHaveLength(1);
  });

  it('says when the next item is due, by the wall clock', () => {
    const backlog = new Backlog([store], byDueTime);
    const dueAtMs = now.wallMs + HOUR_MS;
    backlog.add(store, `${dueTimeName(dueAtMs)}0000000001`);
    const nextAt = { wallMs: dueAtMs, monotonicMs: Number.POSITIVE_INFINITY };
    expect(backlog.available(1, now)).toEqual({ items: [], nextAt });
    jump(HOUR_MS);
    expect(backlog.available(1, now).items).toHaveLength(1);
  });

  it('counts by the monotonic clock since when an item is to be had', () => {
    const backlog = new Backlog([store], inOrder);
    backlog.add(store, 'queue-0000000001');
    backlog.available(1, now);
    pass(50);
    jump(-HOUR_MS);
    expect(backlog.available(1, now).items).toMatchObject([{ sinceMs: 1_000 }]);
  });
});
