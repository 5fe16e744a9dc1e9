import { setTimeout as delay } from 'node:timers/promises';
import type { Tenure } from '@zk-recipes/leader-election';
import type { Journal } from '../journal.js';
import type { Ledger } from './ledger.js';

/** What the job needs. */
export interface BillingJobOptions {
  readonly ledger: Ledger;
  readonly journal: Journal;
  /** Length of a billing period, in milliseconds. */
  readonly periodMs: number;
  /** Aborts when the process is to end: the period under way is left to the next leader. */
  readonly stopping: AbortSignal;
}

/**
 * The job that only the leader does: closes one billing period after the other while its tenure stands. Two leaders would
 * send each customer two invoices.
 *
 * A job that finds itself deposed would stop at once. This one asks the server all the same, to show that nothing depends on
 * its looking: between the best of looks and the write the process may be paused (by a full disk, a debugger, a suspended
 * machine), and another may lead when it goes on. What decides is the guard, on the server.
 */
export async function closePeriods(tenure: Tenure, options: BillingJobOptions): Promise<void> {
  const { ledger, journal, periodMs, stopping } = options;
  const token = `${tenure.fencingToken}`;
  for (let period = await ledger.nextPeriod(); tenure.state === 'held' && !stopping.aborted; ) {
    const run = { token, period };
    // 1. While it leads: whatever is added to this transaction commits only if the tenure stands then.
    const guard = tenure.guard();
    journal.write({ event: 'begun', ...run, validForMs: tenure.validForMs() });
    // 2. Work that takes time. Anything may happen meanwhile.
    const units = await collectUsage(periodMs, stopping);
    if (units === null) return journal.write({ event: 'abandoned', ...run });
    if (tenure.state !== 'held') console.log(`Deposed at work on period ${period}; the server is asked all the same`);
    // 3. The server commits it, or refuses.
    const closing = await ledger.close(guard, { ...run, units, by: tenure.id }, stopping);
    if (closing === 'refused') return journal.write({ event: 'refused', ...run, why: 'its own znode is gone' });
    journal.write({ event: closing, ...run });
    period = closing === 'committed' ? period + 1 : await ledger.nextPeriod();
  }
}

/** What the customers used until the end of the period; `null` if the process is to end before. */
async function collectUsage(periodMs: number, stopping: AbortSignal): Promise<number | null> {
  await delay(periodMs, undefined, { signal: stopping }).catch(() => {});
  return stopping.aborted ? null : Math.round(Math.random() * 1_000);
}
