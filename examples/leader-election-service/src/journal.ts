import { closeSync, openSync, writeSync } from 'node:fs';

/** One tenure, by its fencing token: a decimal number, for JSON has no bigint. */
interface OfTenure {
  readonly token: string;
}

/** What the validity clock said when it was asked: milliseconds, counted from the entry's `at`; 0 when the tenure is over. */
interface Look extends OfTenure {
  readonly validForMs: number;
}

/** One run of the job: the closing of one billing period. */
interface OfRun extends OfTenure {
  readonly period: number;
}

/** What a process of the service writes down. */
export type JournalEvent =
  /** It listens and stands for election. */
  | { readonly event: 'started'; readonly pid: number; readonly port: number; readonly sessionTimeoutMs: number }
  /** It was elected; it was told that it still leads. */
  | ({ readonly event: 'elected' | 'held' } & Look)
  /** It knows from here on that it leads no more. */
  | ({ readonly event: 'deposed'; readonly reason: string } & OfTenure)
  /** It began a run of the job, and with it the guard. */
  | ({ readonly event: 'begun' } & OfRun & Look)
  /** The run is in the ledger; somebody else has closed that period before; it gave the run up by itself. */
  | ({ readonly event: 'committed' | 'taken' | 'abandoned' } & OfRun)
  /** The server refused the run. */
  | ({ readonly event: 'refused'; readonly why: string } & OfRun)
  /** It has left in good order. */
  | { readonly event: 'left' };

/** An event and when it was written down. */
export type JournalEntry = JournalEvent & {
  /** Milliseconds by the machine's monotonic clock, which all of its processes share. */
  readonly at: number;
  /** The same moment by the wall clock, for people. */
  readonly wall: string;
};

/** The machine's monotonic clock (`CLOCK_MONOTONIC`), in milliseconds. Its zero is the same for all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * The file in which one process writes down what it was told and what it did, a JSON object a line. Each line is with the
 * operating system before `write` returns: what was recorded survives SIGKILL, and what comes after it happened later.
 */
export class Journal {
  readonly #file: number;

  /** Opens the file, and creates it if need be; entries are appended. */
  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** The clock is read after the event was known: what it said about the future is, if anything, recorded as too long. */
  write(event: JournalEvent): void {
    const entry: JournalEntry = { at: monotonicMs(), wall: new Date().toISOString(), ...event };
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Reads the entries of a piece of a journal that ends at the end of a line. */
export function parseJournal(lines: string): JournalEntry[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JournalEntry);
}
