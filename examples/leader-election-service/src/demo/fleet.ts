import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type JournalEntry, monotonicMs } from '../journal.js';
import type { ProcessJournal } from './leadership-audit.js';
import { ServiceProcess } from './service-process.js';

/** What the processes are started with, and who is told of what they write. */
export interface FleetOptions {
  /** Where the journals go. */
  readonly folder: string;
  /** Settings that all processes share. */
  readonly env: Readonly<Record<string, string>>;
  readonly onEntry: (process: string, entry: JournalEntry) => void;
  /** Aborts all waiting. */
  readonly signal: AbortSignal;
}

/** How often the journals are read. It does not blur what is measured: entries carry the time at which they were written. */
const LOOK_EVERY_MS = 15;
/** The longest time in which something expected may happen. */
const PATIENCE_MS = 30_000;

/** The processes of the service, seen through their journals. Disposing of it ends them all, paused ones too. */
export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #processes: ServiceProcess[] = [];
  /** Those whose end is no surprise. */
  readonly #dismissed = new Set<ServiceProcess>();

  constructor(options: FleetOptions) {
    this.#options = options;
    process.once('exit', this.#killAll);
  }

  /** Starts a process with a journal of its own; the name may be that of one that has ended. */
  start(name: string): ServiceProcess {
    const file = `${this.#processes.length + 1}-${name}.journal`;
    const service = new ServiceProcess(name, join(this.#options.folder, file), this.#options.env);
    this.#processes.push(service);
    return service;
  }

  /** All that were ever started, in that order. */
  get processes(): readonly ServiceProcess[] {
    return this.#processes;
  }

  /** What each process has recorded up to now. */
  get journals(): ProcessJournal[] {
    return this.#processes.map(({ name, entries }, index) => {
      const restarts = this.#processes.slice(0, index).filter((other) => other.name === name).length;
      return { process: restarts === 0 ? name : `${name} (start ${restarts + 1})`, entries };
    });
  }

  /** Sends the signal that ends a process. @returns when it was sent, by the monotonic clock */
  end(service: ServiceProcess, signal: 'SIGTERM' | 'SIGKILL'): number {
    this.#dismissed.add(service);
    const at = monotonicMs();
    service.send(signal);
    return at;
  }

  /** Tells of what has been written into the journals since the last time. */
  readJournals(): void {
    const added = this.#processes.flatMap((service) =>
      service.readJournal().map((entry) => ({ name: service.name, entry })),
    );
    added.sort((one, other) => one.entry.at - other.entry.at);
    for (const { name, entry } of added) this.#options.onEntry(name, entry);
  }

  /**
   * Waits for something to be found in the journals, and meanwhile tells of what is written into them.
   *
   * @param what is awaited, as the object of "Waited for …"
   * @throws Error in vain; a process has ended that should not have; the signal's reason
   */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = monotonicMs() + PATIENCE_MS;
    for (;;) {
      this.readJournals();
      const found = look();
      if (found !== undefined) return found;
      this.#checkAlive();
      if (monotonicMs() > deadline) throw new Error(`Waited ${PATIENCE_MS} ms in vain for ${what}\n${this.#errors()}`);
      this.#options.signal.throwIfAborted();
      await delay(LOOK_EVERY_MS);
    }
  }

  /** Waits until that moment of the monotonic clock. */
  async untilTime(ms: number): Promise<void> {
    await this.until('time to pass', () => monotonicMs() >= ms || undefined);
  }

  #checkAlive(): void {
    const dead = this.#processes.find((service) => !service.isAlive && !this.#dismissed.has(service));
    if (dead !== undefined) throw new Error(`${dead.name} has ended by itself\n${this.#errors()}`);
  }

  #errors(): string {
    return this.#processes
      .filter(({ errors }) => errors !== '')
      .map(({ name, errors }) => `${name} complained:\n${errors}`)
      .join('\n');
  }

  readonly #killAll = (): void => {
    for (const service of this.#processes) if (service.isAlive) service.send('SIGKILL');
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll();
    while (this.#processes.some(({ isAlive }) => isAlive)) await delay(LOOK_EVERY_MS);
    process.off('exit', this.#killAll);
  }
}
