import type { Hold } from '@zk-recipes/core';
import type { TestServer } from '@zk-recipes/test-server';
import type { Held, History, Limit, Refusal } from './history.js';
import { type SeenZnode, TreeObserver } from './tree-observer.js';
import { FIRST_LEASES, FIXED_LEASES, type LinePath, linesOf, ROOT, type Want } from './wants.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A hold that its holder believes in. */
interface Belief {
  readonly hold: Hold;
  readonly records: readonly Mutable<Held>[];
}

/** Writes down what happens. Its clock goes on by one with everything that it sees. */
export class Recorder {
  readonly tree: TreeObserver;
  readonly #held: Mutable<Held>[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #limits: Mutable<Limit>[];
  readonly #beliefs: Set<Belief> = new Set();
  /** Sessions that were ended by hand, and znodes that were deleted so: whoever had them cannot know at once. */
  readonly #forced: Set<bigint | string> = new Set();
  #now = 0;

  constructor(server: TestServer) {
    this.tree = new TreeObserver(
      server,
      ROOT,
      () => this.tick(),
      () => this.ask(),
    );
    const limit = (line: string, leases: number): Limit => ({ line, leases, from: 0, to: Number.POSITIVE_INFINITY });
    this.#limits = [limit(`${ROOT}/fixed`, FIXED_LEASES), limit(`${ROOT}/limited`, FIRST_LEASES)];
  }

  /** The next moment. */
  tick(): number {
    this.#now += 1;
    return this.#now;
  }

  /** Asks all holders whether they still believe. */
  ask(): void {
    for (const belief of this.#beliefs) if (belief.hold.state !== 'held') this.#end(belief);
  }

  /** Paths of znodes of which somebody believes that they are a hold. */
  get believed(): ReadonlySet<string> {
    return new Set([...this.#beliefs].flatMap(({ records }) => records.flatMap(({ paths }) => paths)));
  }

  /**
   * Somebody was granted something.
   *
   * @returns to be called when it is let go of, before that is begun
   */
  granted(contender: string, want: Want, permits: number, hold: Hold, asked: number): () => void {
    this.tree.look();
    const znodes = this.tree.togetherWith(hold.path);
    const isForced = znodes.some(({ owner, path }) => this.#forced.has(owner) || this.#forced.has(path));
    const from = this.tick();
    const to = isForced ? from : Number.POSITIVE_INFINITY;
    const records = linesOf(want).map(({ line, mode }: LinePath): Mutable<Held> => {
      const own = znodes.filter((znode) => znode.line === line);
      const { number = Number.NaN } = own[0] ?? {};
      const paths = own.length === 0 ? [hold.path] : own.map(({ path }) => path);
      return { contender, line, mode, permits, token: hold.fencingToken, number, paths, asked, from, to };
    });
    this.#held.push(...records);
    const belief: Belief = { hold, records };
    this.#beliefs.add(belief);
    hold.signal.addEventListener('abort', () => this.#end(belief), { once: true });
    this.ask();
    return () => this.#end(belief);
  }

  /** Somebody was told that others have it. */
  refused(contender: string, want: Want, permits: number, from: number): void {
    this.tree.look();
    this.#refusals.push({ contender, lines: linesOf(want).map(({ line }) => line), permits, from, to: this.tick() });
  }

  /** The shared number of leases is about to be changed. @returns to be called when that is certain */
  limiting(leases: number): () => void {
    const line = `${ROOT}/limited`;
    const before = this.#limits.filter((one) => one.line === line && one.to === Number.POSITIVE_INFINITY);
    this.#limits.push({ line, leases, from: this.tick(), to: Number.POSITIVE_INFINITY });
    return () => {
      for (const limit of before) limit.to = this.tick();
    };
  }

  /** Somebody takes a znode away, or a session with all that it has. */
  force(what: bigint | string): void {
    this.tree.look();
    this.#forced.add(what);
    const isMeant = ({ owner, path }: SeenZnode): boolean => owner === what || path === what;
    const meant = new Set(this.tree.standing.filter(isMeant).map(({ path }) => path));
    for (const { records } of this.#beliefs) {
      if (records.some(({ paths }) => paths.some((path) => meant.has(path)))) this.#date(records);
    }
  }

  /** How many znodes were deleted by hand. */
  get takenAway(): number {
    return [...this.#forced].filter((what) => typeof what === 'string').length;
  }

  /** All that was seen. */
  get history(): History {
    return {
      held: this.#held,
      refusals: this.#refusals,
      presences: [...this.tree.seen.values()],
      limits: this.#limits,
    };
  }

  #end(belief: Belief): void {
    if (this.#beliefs.delete(belief)) this.#date(belief.records);
  }

  #date(records: readonly Mutable<Held>[]): void {
    const now = this.tick();
    for (const record of records) record.to = Math.min(record.to, now);
  }
}
