import { systemClock } from '@zk-recipes/core/recipe-kit';
import { BacklogError } from './errors.js';
import type { Store } from './store.js';

/** Time in milliseconds for which a count stays valid. */
const COUNT_AGE_MS = 1_000;

/** Number of unfinished transactions of a participant from which on they are reported. */
const WARN_FROM = 1_000;

/** Last count of a participant. */
interface Known {
  readonly count: number;
  readonly atMs: number;
  /** Last count that was reported; 0 for none. */
  readonly told: number;
}

/**
 * Numbers of unfinished transactions of each participant. The transactions of a participant that is gone for ever would fill the servers'
 * memory, and make directories that cannot be listed.
 */
export class Backlog {
  readonly #store: Store;
  readonly #limit: number;
  readonly #inBackground: (work: (signal: AbortSignal) => Promise<void>) => void;
  readonly #report: (error: BacklogError) => void;
  readonly #known = new Map<string, Known>();
  readonly #counting = new Set<string>();

  /**
   * @param limit number from which on no more transactions begin
   * @param inBackground repeats work until it succeeds
   * @param report called from 1,000 on, and at each doubling
   */
  constructor(
    store: Store,
    limit: number,
    inBackground: (work: (signal: AbortSignal) => Promise<void>) => void,
    report: (error: BacklogError) => void,
  ) {
    this.#store = store;
    this.#limit = limit;
    this.#inBackground = inBackground;
    this.#report = report;
  }

  /** Starts a new count in the background, at most once a second for each participant. @throws BacklogError according to the last count */
  admit(participants: readonly string[]): void {
    for (const name of participants) this.#count(name);
    for (const name of participants) {
      const count = this.#known.get(name)?.count ?? 0;
      if (count >= this.#limit) throw new BacklogError(name, count, this.#limit);
    }
  }

  #count(name: string): void {
    const known = this.#known.get(name);
    const isFresh = known !== undefined && systemClock.now() - known.atMs < COUNT_AGE_MS;
    if (isFresh || this.#counting.has(name)) return;
    this.#counting.add(name);
    this.#inBackground(async (signal) => {
      const count = await this.#store.unfinished(name, { signal });
      this.#counting.delete(name);
      this.#note(name, count, known?.told ?? 0);
    });
  }

  #note(name: string, count: number, before: number): void {
    const told = count < WARN_FROM / 2 ? 0 : before;
    const isToTell = count >= Math.max(WARN_FROM, 2 * told);
    this.#known.set(name, { count, atMs: systemClock.now(), told: isToTell ? count : told });
    if (isToTell) this.#report(new BacklogError(name, count, this.#limit));
  }
}
