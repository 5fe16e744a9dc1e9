import type { Keeper } from '@zk-recipes/core';
import { Semaphore } from '@zk-recipes/locks';

/** Makes a report; is to end when the signal aborts. */
export type MakeReport = (name: string, signal: AbortSignal) => Promise<string>;

/** How somebody wants a report. */
export interface ReportOrder {
  readonly name: string;
  /** Aborts when nobody wants it any more. */
  readonly gone: AbortSignal;
  /** Told how many are before it in the line, and whenever that changes. Without it there is no waiting. */
  readonly onQueued?: (position: number) => void;
}

/** More wait already than it makes sense to stand behind. */
const MAX_WAITERS = 20;

/** Makes reports, no more at a time than there are leases: over all processes, since the leases are in ZooKeeper. */
export class Reports {
  readonly #semaphore: Semaphore;
  readonly #make: MakeReport;

  /**
   * @param id of this process, for others to see
   * @param seed how many leases there are, if nobody has said so yet
   */
  constructor(keeper: Keeper, id: string, seed: number, make: MakeReport) {
    this.#semaphore = new Semaphore(keeper, '/limits/reports', {
      maxLeases: { path: '/limits/reports-count', seed },
      data: id,
    });
    this.#make = make;
  }

  /**
   * Makes a report.
   *
   * @returns `null` if it would have to wait and may not
   * @throws TooManyWaitersError; HoldLostError if the lease was lost meanwhile; the reason of `gone`
   */
  async order({ name, gone, onQueued }: ReportOrder): Promise<string | null> {
    const lease =
      onQueued === undefined
        ? await this.#semaphore.tryAcquire({ signal: gone })
        : await this.#semaphore.acquire({ signal: gone, onQueued, maxWaiters: MAX_WAITERS });
    if (lease === null) return null;
    try {
      return await this.#make(name, AbortSignal.any([lease.signal, gone]));
    } finally {
      await lease.release();
    }
  }

  /** How many may be made at a time, from now on, over all processes. Reports that are being made are not ended. */
  setLimit(leases: number): Promise<void> {
    return this.#semaphore.setMaxLeases(leases);
  }

  /** Which processes make reports, one entry a report, and how many reports wait. */
  async status(): Promise<{ readonly making: (string | null)[]; readonly waiting: number }> {
    const contenders = await this.#semaphore.contenders();
    return {
      making: contenders.filter(({ state }) => state === 'holding').map(({ id }) => id),
      waiting: contenders.filter(({ state }) => state === 'waiting').length,
    };
  }
}
