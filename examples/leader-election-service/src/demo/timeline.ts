import type { JournalEntry } from '../journal.js';

/** Where lines go. */
export interface Screen {
  readonly print: (line: string) => void;
  readonly colours: boolean;
}

/** A terminal in colours, unless `NO_COLOR` is set; anything else plain. */
export function screenOf(stream: NodeJS.WriteStream): Screen {
  return {
    print: (line) => void stream.write(`${line}\n`),
    colours: stream.isTTY === true && !process.env['NO_COLOR'],
  };
}

/** Codes of ANSI terminals. */
const BOLD = 1;
const GREEN = 32;
const RED = 31;
const DIM = 2;
const COLOURS_OF_PROCESSES = [36, 35, 33];

const NAME_WIDTH = 10;

/** Periods that a leader closed and that are not shown yet. */
interface Closed {
  readonly process: string;
  readonly first: number;
  readonly at: number;
  last: number;
}

/** Tells what happens as it happens, a line each: elapsed seconds, who, what. */
export class Timeline {
  readonly #screen: Screen;
  readonly #zeroMs: number;
  readonly #colourOf = new Map<string, number>();
  /** Tenures of which one closed period was shown: the others are told together. */
  readonly #working = new Set<string>();
  #closed: Closed | null = null;

  /** @param zeroMs when the time begins, by the monotonic clock */
  constructor(screen: Screen, zeroMs: number) {
    this.#screen = screen;
    this.#zeroMs = zeroMs;
  }

  /** What the demo itself does or finds. */
  tell(at: number, text: string): void {
    this.#line(at, 'demo', this.#paint(BOLD, text));
  }

  /** What a process wrote into its journal. */
  show(process: string, entry: JournalEntry): void {
    if (entry.event === 'committed') this.#showClosed(process, entry);
    else {
      const text = this.#describe(entry);
      if (text !== null) this.#line(entry.at, process, text);
    }
  }

  #describe(entry: JournalEntry): string | null {
    switch (entry.event) {
      case 'started':
        return `· listens on port ${entry.port} and stands for election`;
      case 'elected':
        return this.#paint(GREEN, `● leads, fencing token ${entry.token}`);
      case 'deposed':
        return `○ leads no more: ${reasons[entry.reason] ?? entry.reason}`;
      case 'refused':
        return this.#paint(
          RED,
          `✗ tries to close period ${entry.period} all the same: refused by the server, for ${entry.why}`,
        );
      case 'taken':
        return `· period ${entry.period} was closed by another`;
      case 'left':
        return '· has ended';
      default:
        return null;
    }
  }

  #showClosed(process: string, { at, token, period }: Extract<JournalEntry, { token: string; period: number }>): void {
    if (!this.#working.has(token)) {
      this.#working.add(token);
      this.#line(at, process, `  closes period ${period}`);
    } else if (this.#closed === null) this.#closed = { process, first: period, last: period, at };
    else this.#closed.last = period;
  }

  #line(at: number, process: string, text: string): void {
    const closed = this.#closed;
    this.#closed = null;
    if (closed !== null) {
      const periods =
        closed.first === closed.last ? `period ${closed.first}` : `periods ${closed.first} to ${closed.last}`;
      this.#line(closed.at, closed.process, `  closes ${periods}`);
    }
    const seconds = ((at - this.#zeroMs) / 1_000).toFixed(3).padStart(7);
    const name = this.#paint(this.#colour(process), process.padEnd(NAME_WIDTH));
    this.#screen.print(`${this.#paint(DIM, `${seconds} s`)}  ${name}  ${text}`);
  }

  #colour(process: string): number {
    if (process === 'demo') return BOLD;
    const known = this.#colourOf.get(process);
    const colour = known ?? COLOURS_OF_PROCESSES[this.#colourOf.size % COLOURS_OF_PROCESSES.length] ?? BOLD;
    this.#colourOf.set(process, colour);
    return colour;
  }

  #paint(code: number, text: string): string {
    return this.#screen.colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

const reasons: Readonly<Record<string, string>> = {
  released: 'it stepped down',
  validity: 'by its validity clock its session may be over',
  expired: 'its session has expired',
};
