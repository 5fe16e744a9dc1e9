import { afterEach, describe, expect, it, vi } from 'vitest';
import { slotAt, slots } from './schedule.js';

describe('slotAt', () => {
  it('names the beginning of the slot, alike for every moment in it', () => {
    const noon = Date.UTC(2031, 4, 1, 12);
    expect(slotAt(noon, 60_000)).toBe('2031-05-01T12:00:00Z');
    expect(slotAt(noon + 59_999, 60_000)).toBe('2031-05-01T12:00:00Z');
    expect(slotAt(noon + 60_000, 60_000)).toBe('2031-05-01T12:01:00Z');
  });
});

describe('slots', () => {
  afterEach(() => void vi.useRealTimers());

  it('gives each slot once, when it begins, until it is ended', async () => {
    const stopping = new AbortController();
    const seen: string[] = [];
    for await (const slot of slots(1_000, stopping.signal)) {
      expect(slot).toBe(slotAt(Date.now() + 10, 1_000));
      if (seen.push(slot) === 2) stopping.abort();
    }
    expect(new Set(seen).size).toBe(2);
  });

  it('gives the slot that begins by a jump of the clock within seconds, and none twice when the clock is set back', async () => {
    const DAY_MS = 86_400_000;
    const noon = Date.UTC(2031, 4, 1, 12);
    vi.useFakeTimers({ toFake: ['Date'], now: noon });
    const stopping = new AbortController();
    const days = slots(DAY_MS, stopping.signal);
    const first = days.next();
    vi.setSystemTime(noon + DAY_MS);
    expect(await first).toMatchObject({ value: '2031-05-02T00:00:00Z' });
    vi.setSystemTime(noon);
    const second = days.next();
    vi.setSystemTime(noon + 2 * DAY_MS);
    expect(await second).toMatchObject({ value: '2031-05-03T00:00:00Z' });
    stopping.abort();
  });
});
