import { setTimeout as delay } from 'node:timers/promises';

/** The name of the slot that a moment lies in: its beginning, such as `2031-05-01T02:00:00Z`. Sorts by time. */
export function slotAt(ms: number, everyMs: number): string {
  return new Date(ms - (ms % everyMs)).toISOString().replace(/\.000Z$/, 'Z');
}

/** How often the wall clock is looked at, in milliseconds: no timer fires when the clock jumps. */
const CHECK_MS = 5_000;

/**
 * Yields each slot when it begins, from the next one on, by the wall clock. A process that was asleep for several slots gets the last one; when the clock is
 * set back, no slot comes twice.
 *
 * @param everyMs length of a slot
 * @param signal ends it
 */
export async function* slots(everyMs: number, signal: AbortSignal): AsyncGenerator<string> {
  let last = slotAt(Date.now(), everyMs);
  while (!signal.aborted) {
    const now = Date.now();
    const slot = slotAt(now, everyMs);
    if (slot > last) {
      last = slot;
      yield slot;
    } else {
      const leftMs = everyMs - (now % everyMs);
      await delay(Math.min(leftMs, CHECK_MS), undefined, { signal }).catch(() => {});
    }
  }
}
