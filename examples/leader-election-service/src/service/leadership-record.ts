import type { HoldLostError } from '@zk-recipes/core';
import type { LeaderLatch, Tenure } from '@zk-recipes/leader-election';
import type { Journal } from '../journal.js';

/** How often a leader writes down what its clock allows. */
const HEARTBEAT_MS = 100;

/**
 * Writes each leadership of this process into its journal: the election, every look at the validity clock by which the
 * process assures itself or others that it leads, and the end.
 */
export class LeadershipRecord {
  readonly #latch: LeaderLatch;
  readonly #journal: Journal;

  constructor(latch: LeaderLatch, journal: Journal) {
    this.#latch = latch;
    this.#journal = journal;
    latch.on('leader', (tenure) => this.#begin(tenure));
  }

  /** Looks at the clock, and writes down what it says. @returns for how many milliseconds it leads certainly; 0 if it does not */
  look(): number {
    const { tenure } = this.#latch;
    const validForMs = tenure?.validForMs() ?? 0;
    if (tenure !== null && validForMs > 0) {
      this.#journal.write({ event: 'held', token: `${tenure.fencingToken}`, validForMs });
    }
    return validForMs;
  }

  #begin(tenure: Tenure): void {
    const token = `${tenure.fencingToken}`;
    const heartbeat = setInterval(() => this.look(), HEARTBEAT_MS);
    // First, for a signal that has aborted tells nobody any more.
    tenure.signal.addEventListener('abort', () => {
      clearInterval(heartbeat);
      const { reason } = tenure.signal.reason as HoldLostError;
      this.#journal.write({ event: 'deposed', token, reason });
    });
    this.#journal.write({ event: 'elected', token, validForMs: tenure.validForMs() });
  }
}
