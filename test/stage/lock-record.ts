import type { Hold } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { expect } from 'vitest';
import type { LockContestant } from './lock-contestants.js';

/**
 * Looks over a lock that one at a time may hold, within this process: at each grant it asks all who were granted it before whether they
 * still believe that they hold it. All share one clock, so what it finds needs no tolerance.
 */
export class LockRecord {
  readonly holds: Hold[] = [];
  readonly #offences: string[] = [];

  /** Acquires, and notes the hold at the moment of the grant. */
  async acquire(contestant: LockContestant, options?: { readonly signal?: AbortSignal }): Promise<Hold> {
    return this.note(await contestant.acquire(options));
  }

  /** Notes a hold that was granted just now. */
  note<H extends Hold>(hold: H): H {
    for (const before of this.holds) {
      const name = `${before.path} (${before.fencingToken}) and ${hold.path} (${hold.fencingToken})`;
      if (!before.signal.aborted || before.state === 'held') this.#offences.push(`overlap of ${name}`);
      if (before.fencingToken >= hold.fencingToken) this.#offences.push(`tokens of ${name}`);
    }
    this.holds.push(hold);
    return hold;
  }

  /** Resolves when so many holds were granted. */
  async untilGranted(count: number, timeoutMs = 30_000): Promise<void> {
    await until(() => (this.holds.length >= count ? true : undefined), {
      what: `grant ${count}`,
      timeoutMs,
      everyMs: 2,
    });
  }

  /** Asserts that nobody held it beside anybody else, that tokens grew, and how many holds there were at least. */
  expectSafe({ atLeast = 1 }: { readonly atLeast?: number } = {}): void {
    expect(this.#offences).toEqual([]);
    expect(this.holds.length).toBeGreaterThanOrEqual(atLeast);
  }
}
