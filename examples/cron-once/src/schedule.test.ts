import { describe, expect, it } from 'vitest';
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
  it('gives each slot once, when it begins, until it is ended', async () => {
    const stopping = new AbortController();
    const seen: string[] = [];
    for await (const slot of slots(1_000, stopping.signal)) {
      expect(slot).toBe(slotAt(Date.now() + 10, 1_000));
      if (seen.push(slot) === 2) stopping.abort();
    }
    expect(new Set(seen).size).toBe(2);
  });
});
