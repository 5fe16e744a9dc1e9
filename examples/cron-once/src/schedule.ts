import { setTimeout as delay } from 'node:timers/promises';

/** The name of the slot that a moment lies in: its beginning, such as `2031-05-01T02:00:00Z`. Sorts by time. */
export function slotAt(ms: number, everyMs: number): string {
  return new Date(ms - (ms % everyMs)).toISOString().replace(/\.000Z$/, 'Z');
}

/**
 * Each slot when it begins, from the next one on, by the wall clock. Who was asleep for several gets the last one.
 *
 * @param everyMs length of a slot
 * @param signal ends it
 */
export async function* slots(everyMs: number, signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    const now = Date.now();
    await delay(everyMs - (now % everyMs), undefined, { signal }).catch(() => {});
    // A timer may fire a moment too early.
    if (!signal.aborted) yield slotAt(Date.now() + everyMs / 100, everyMs);
  }
}
