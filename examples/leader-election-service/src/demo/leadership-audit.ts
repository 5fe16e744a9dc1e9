import type { JournalEntry } from '../journal.js';
import type { LedgerEntry } from '../service/ledger.js';

/** What one process wrote down, from its start to its end. */
export interface ProcessJournal {
  /** Names the process; one that was started again counts as another. */
  readonly process: string;
  readonly entries: readonly JournalEntry[];
}

/** A time in which a process was certain that it led, in milliseconds of the shared monotonic clock. */
interface Reign {
  readonly process: string;
  readonly token: bigint;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Two leaders at one time. */
interface Overlap {
  readonly earlier: Reign;
  readonly later: Reign;
  /** For how long. */
  readonly ms: number;
}

/** Something that a deposed leader did all the same, in plain words. */
interface StaleWrite {
  readonly process: string;
  readonly period: number;
  readonly what: string;
}

/** What came of the audit. All is well when `overlaps` and `staleWrites` are empty. */
export interface Audit {
  readonly reigns: readonly Reign[];
  readonly overlaps: readonly Overlap[];
  readonly staleWrites: readonly StaleWrite[];
}

/**
 * Judges an election by what its processes recorded when it happened, not by what they think of it afterwards, and by what
 * ZooKeeper has in the ledger.
 *
 * A **reign** is the time in which a process was entitled, by what it had been told, to act as the leader. It begins with the
 * recorded election. Every recorded look at the validity clock ("certainly for another n ms") stretches it to the end
 * of what was promised then, for a process may act on a promise without looking again. It ends there, or when the process
 * recorded that it is deposed, whichever is first. So it is defined also for a process that recorded nothing more:
 * - One that was killed believes nothing any more; but its last promise may have been passed on, so it counts in full.
 * - One that was paused believes nothing while it is: it cannot look. Its last promise counts in full, again. What it
 *   believes when it goes on is told by its next look: if the clock then still granted it any time, that look would
 *   stretch the reign across the pause, over the reign of whoever was elected meanwhile.
 *
 * An **overlap** is any two reigns that share a moment. All processes of a machine share its monotonic clock, so their
 * journals can be compared without allowance. As the clock is read after the promise, errors make reigns longer, never
 * shorter.
 *
 * A **stale write** is any of these:
 * - an invoice in the ledger that was committed (by `czxid`) after one with a larger fencing token;
 * - a run of the job that was begun after a larger token had been elected, and was not refused by the server;
 * - an invoice in the ledger that the process that wrote it was told had been refused.
 */
export function auditLeadership(journals: readonly ProcessJournal[], ledger: readonly LedgerEntry[]): Audit {
  const reigns = journals.flatMap(reignsOf).sort((one, other) => one.fromMs - other.fromMs);
  return {
    reigns,
    overlaps: findOverlaps(reigns),
    staleWrites: [
      ...findWritesOutOfOrder(ledger),
      ...findStaleRuns(journals, reigns),
      ...findUnrefused(journals, ledger),
    ],
  };
}

function reignsOf({ process, entries }: ProcessJournal): Reign[] {
  const reigns = new Map<string, { readonly fromMs: number; untilMs: number }>();
  for (const entry of entries) {
    if (!('token' in entry)) continue;
    const reign = reigns.get(entry.token) ?? { fromMs: entry.at, untilMs: entry.at };
    reigns.set(entry.token, reign);
    if (entry.event === 'deposed') reign.untilMs = Math.min(reign.untilMs, entry.at);
    // Also after it was deposed: who is told again that it leads believes it again.
    else if ('validForMs' in entry && entry.validForMs > 0) {
      reign.untilMs = Math.max(reign.untilMs, entry.at + entry.validForMs);
    }
  }
  return [...reigns].map(([token, times]) => ({ process, token: BigInt(token), ...times }));
}

function findOverlaps(reigns: readonly Reign[]): Overlap[] {
  return reigns.flatMap((earlier, index) =>
    reigns.slice(index + 1).flatMap((later) => {
      const ms = Math.min(earlier.untilMs, later.untilMs) - later.fromMs;
      return ms > 0 ? [{ earlier, later, ms }] : [];
    }),
  );
}

function findWritesOutOfOrder(ledger: readonly LedgerEntry[]): StaleWrite[] {
  let newest = 0n;
  const stale: StaleWrite[] = [];
  for (const { by, period, token } of [...ledger].sort((one, other) => (one.czxid < other.czxid ? -1 : 1))) {
    const own = BigInt(token);
    if (own < newest)
      stale.push({ process: by, period, what: `committed with token ${own}, after one with ${newest}` });
    else newest = own;
  }
  return stale;
}

function findStaleRuns(journals: readonly ProcessJournal[], reigns: readonly Reign[]): StaleWrite[] {
  return journals.flatMap(({ process, entries }) =>
    entries.flatMap((entry) => {
      if (entry.event !== 'begun') return [];
      const { token, period, at } = entry;
      const newer = reigns.find((reign) => reign.token > BigInt(token) && reign.fromMs < at);
      if (newer === undefined || wasRefused(entries, token, period)) return [];
      return [{ process, period, what: `begun with token ${token}, ${newer.token} being elected, and not refused` }];
    }),
  );
}

function findUnrefused(journals: readonly ProcessJournal[], ledger: readonly LedgerEntry[]): StaleWrite[] {
  return ledger.flatMap(({ token, period }) =>
    journals
      .filter(({ entries }) => wasRefused(entries, token, period))
      .map(({ process }) => ({ process, period, what: `refused with token ${token}, and yet in the ledger` })),
  );
}

function wasRefused(entries: readonly JournalEntry[], token: string, period: number): boolean {
  return entries.some((entry) => entry.event === 'refused' && entry.token === token && entry.period === period);
}
