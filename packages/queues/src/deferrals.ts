import { hasCome, type Moment, momentOf, systemClock } from '@zk-recipes/core/recipe-kit';
import type { AttemptRecord } from './attempt-record.js';
import type { Item } from './backlog.js';

/** Deferral of an item, as it was first seen. */
interface Deferral {
  readonly recordVersion: number;
  readonly until: Moment;
}

/**
 * Deferrals of released items. A record contains a time of the wall clock, which every process can read. The deferral also ends after the
 * delay itself, by the monotonic clock, so that a wall clock that was set back does not prolong it.
 */
export class Deferrals {
  readonly #seen = new WeakMap<Item, Deferral>();

  /** Returns the moment until which an item is deferred; `null` if it may be claimed now. @param recordVersion version of the record */
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
