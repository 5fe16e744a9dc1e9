import { hasCome, type Moment, momentOf, systemClock } from '@zk-recipes/core/recipe-kit';
import type { AttemptRecord } from './attempt-record.js';
import type { Item } from './backlog.js';

/** A deferral as it was first seen. */
interface Deferral {
  readonly recordVersion: number;
  readonly until: Moment;
}

/**
 * Until when items that were given back are left alone. A record names a moment of the wall clock, since every process can read that one; the wait also
 * ends after the delay itself, by the monotonic clock, so that a wall clock that was set back does not prolong it.
 */
export class Deferrals {
  readonly #seen = new WeakMap<Item, Deferral>();

  /** Returns until when an item is left alone; `null` if it may be claimed now. @param recordVersion version of the record */
  of(item: Item, { notBeforeMs, delayMs }: AttemptRecord, recordVersion: number): Moment | null {
    const now = momentOf(systemClock);
    if (notBeforeMs <= now.wallMs) return null;
    const seen = this.#seen.get(item);
    if (seen?.recordVersion === recordVersion) return hasCome(seen.until, now) ? null : seen.until;
    const until = { wallMs: notBeforeMs, monotonicMs: now.monotonicMs + delayMs };
    this.#seen.set(item, { recordVersion, until });
    return until;
  }
}
