import type { Hold } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { expect } from 'vitest';

/** What somebody holds: alone, beside others who read, or as some of a number of leases. */
export interface Claim {
  /** Paths of the locks. */
  readonly lines: readonly string[];
  readonly mode: 'exclusive' | 'shared' | 'lease';
  /** Leases that it takes, and how many there are; of leases only. */
  readonly permits?: number;
  readonly limit?: number;
}

interface Granted {
  readonly claim: Claim;
  readonly hold: Hold;
}

/** What is known of one lock. */
interface LineHistory {
  /** Those of whom it is not certain that they know that it is over. */
  believers: Set<Granted>;
  grants: number;
  /** The largest tokens so far: of all, and of those who had it alone. */
  token: bigint;
  exclusiveToken: bigint;
}

/**
 * The history of several locks within this process: at each grant it asks all who were granted the same lock before whether they still
 * believe in it, and compares tokens. All share one clock, so what it finds needs no tolerance.
 */
export class LockGrants {
  readonly #lines = new Map<string, LineHistory>();
  readonly #offences: string[] = [];

  /** Notes a hold at the moment of its grant. */
  note<H extends Hold>(claim: Claim, hold: H): H {
    for (const line of claim.lines) this.#noteOn(line, { claim, hold });
    return hold;
  }

  /** Notes something that must not be. */
  offend(what: string): void {
    this.#offences.push(what);
  }

  /** How often each of the locks was granted so far. */
  counts(lines: readonly string[]): number[] {
    return lines.map((line) => this.#of(line).grants);
  }

  /** Resolves when each of the locks was granted again. */
  async untilGrantedAgain(lines: readonly string[], timeoutMs: number): Promise<void> {
    const before = this.counts(lines);
    const haveAll = (): boolean => this.counts(lines).every((count, index) => count > (before[index] as number));
    await until(() => (haveAll() ? true : undefined), { what: `a grant of ${lines}`, timeoutMs, everyMs: 2 });
  }

  /** Asserts that nobody held a lock beside somebody whom that excludes, and that tokens grew. */
  expectSafe(): void {
    expect(this.#offences).toEqual([]);
  }

  #noteOn(line: string, granted: Granted): void {
    const { claim, hold } = granted;
    const history = this.#of(line);
    const { believers } = history;
    for (const other of believers) if (isOver(other.hold)) believers.delete(other);
    const name = `${hold.path} (${hold.fencingToken})`;
    for (const other of believers) {
      const excludes = claim.mode === 'exclusive' || other.claim.mode === 'exclusive';
      if (excludes) this.offend(`overlap of ${other.hold.path} (${other.hold.fencingToken}) and ${name}`);
    }
    const taken = [...believers].reduce((sum, other) => sum + (other.claim.permits ?? 1), claim.permits ?? 1);
    if (claim.mode === 'lease' && taken > (claim.limit ?? 1)) this.offend(`${taken} leases with ${name}`);
    // Of leases two grants may overtake each other on their way, and readers are not ordered among themselves.
    const floor = claim.mode === 'exclusive' ? history.token : history.exclusiveToken;
    if (hold.fencingToken <= floor) this.offend(`token ${floor}, and later ${name}`);
    history.token = largest(history.token, hold.fencingToken);
    if (claim.mode === 'exclusive') history.exclusiveToken = history.token;
    history.grants += 1;
    believers.add(granted);
  }

  #of(line: string): LineHistory {
    const known = this.#lines.get(line) ?? { believers: new Set(), grants: 0, token: 0n, exclusiveToken: 0n };
    this.#lines.set(line, known);
    return known;
  }
}

function isOver({ state, signal }: Hold): boolean {
  return state !== 'held' && signal.aborted;
}

function largest(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
