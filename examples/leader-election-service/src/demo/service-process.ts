import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type JournalEntry, parseJournal } from '../journal.js';

/** The compiled service: the same file, whether this one is compiled or a source. */
const program = fileURLToPath(new URL('../../dist/service/main.js', import.meta.url));

/** The service as an operating-system process, from its start to its end. */
export class ServiceProcess {
  readonly name: string;
  /** What it has written into its journal, as far as it was read. */
  readonly entries: JournalEntry[] = [];
  readonly #child: ChildProcess;
  readonly #journalPath: string;
  #readUntil = 0;
  #errors = '';

  /** Starts the process. */
  constructor(name: string, journalPath: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.#journalPath = journalPath;
    this.#child = spawn(process.execPath, [program], {
      env: { ...process.env, ...env, SERVICE_NAME: name, JOURNAL: journalPath, PORT: '0' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-4_000);
    });
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it complained of. */
  get errors(): string {
    return this.#errors;
  }

  /** Sends a signal; nothing happens if it has ended. */
  send(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Reads what has been added to its journal. A line that is not complete is left for the next time. */
  readJournal(): JournalEntry[] {
    if (!existsSync(this.#journalPath)) return [];
    const text = readFileSync(this.#journalPath, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    const added = parseJournal(text.slice(this.#readUntil, end));
    this.#readUntil = end;
    this.entries.push(...added);
    return added;
  }
}
