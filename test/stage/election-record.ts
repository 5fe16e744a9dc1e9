import type { HoldLostError } from '@zk-recipes/core';
import type { Tenure } from '@zk-recipes/leader-election';
import { until } from '@zk-recipes/test-support';
import { expect } from 'vitest';
import type { Contestant } from './contestants.js';

interface RecordedTenure {
  readonly id: string;
  readonly tenure: Tenure;
  readonly electedAtMs: number;
}

/**
 * Looks over an election within this process: whenever somebody is elected it asks everybody elected before, at that very
 * moment, whether they still believe that they lead. All share one clock, so what it finds needs no tolerance.
 */
export class ElectionRecord {
  readonly tenures: RecordedTenure[] = [];
  readonly #offences: { readonly what: string; readonly before: Tenure }[] = [];

  constructor(contestants: readonly Contestant[] = []) {
    for (const one of contestants) this.follow(one);
  }

  follow(contestant: Contestant): void {
    contestant.onElected((tenure) => this.#record(contestant.id, tenure));
  }

  /** Tenures that stand now. */
  get leaders(): Tenure[] {
    return this.tenures.map(({ tenure }) => tenure).filter((tenure) => tenure.state === 'held');
  }

  /**
   * Asserts that nobody led beside anybody else, that tokens grew, and how many tenures there were at least.
   *
   * @param options.deletedByHand leaves out leaders whose znodes somebody deleted: of that they hear together with their followers, in
   *   whichever order
   */
  expectSafe({ atLeast = 1, deletedByHand = false }: { atLeast?: number; deletedByHand?: boolean } = {}): void {
    const offences = this.#offences.filter(
      ({ before }) => !(deletedByHand && (before.signal.reason as HoldLostError)?.reason === 'deleted'),
    );
    expect(offences.map(({ what }) => what)).toEqual([]);
    expect(this.tenures.length).toBeGreaterThanOrEqual(atLeast);
  }

  /** Resolves with the leader that was elected after so many tenures, and still leads; how long it took is up to the test. */
  untilLed(since = 0, timeoutMs = 30_000): Promise<Tenure> {
    return until(() => this.tenures.slice(since).find(({ tenure }) => tenure.state === 'held')?.tenure, {
      what: `a leader after tenure ${since}`,
      timeoutMs,
      everyMs: 2,
    });
  }

  #record(id: string, tenure: Tenure): void {
    for (const before of this.tenures) {
      const name = `${before.id} (${before.tenure.fencingToken}) and ${id} (${tenure.fencingToken})`;
      const offend = (what: string): number => this.#offences.push({ what, before: before.tenure });
      if (!before.tenure.signal.aborted || before.tenure.state === 'held') offend(`overlap of ${name}`);
      if (before.tenure.fencingToken >= tenure.fencingToken) offend(`tokens of ${name}`);
    }
    this.tenures.push({ id, tenure, electedAtMs: performance.now() });
  }
}
