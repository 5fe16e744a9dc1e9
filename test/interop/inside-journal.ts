import type { Keeper } from '@zk-recipes/core';
import { expect } from 'vitest';

/** Somebody who is inside a lock. */
interface Insider {
  readonly kind: string;
  readonly permits: number;
  readonly who: string;
}

/** Whether so many may be inside at once. */
type Rule = (inside: readonly Insider[]) => boolean;

/** Of a mutex. */
export const oneInside: Rule = (inside) => inside.length <= 1;

/** Of a read/write lock. */
export const oneWriterOrReaders: Rule = (inside) => inside.length <= 1 || inside.every(({ kind }) => kind === 'read');

/** Of a semaphore. */
export const permitsInside =
  (max: number): Rule =>
  (inside) =>
    inside.reduce((sum, { permits }) => sum + permits, 0) <= max;

/**
 * Who was inside a lock when, in whatever process and language, in the order of the server: everybody creates a znode once it is inside, and
 * deletes it before it leaves. One lasting watch hears of both in the order in which they were done, and of each.
 */
export class InsideJournal {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #inside = new Map<string, Insider>();
  readonly #rule: Rule;
  readonly #offences: string[][] = [];
  readonly #counts = new Map<string, number>();
  #mostInside = 0;

  private constructor(keeper: Keeper, path: string, rule: Rule) {
    this.#keeper = keeper;
    this.#path = path;
    this.#rule = rule;
  }

  static async open(keeper: Keeper, path: string, rule: Rule): Promise<InsideJournal> {
    const journal = new InsideJournal(keeper, path, rule);
    await keeper.create().forPath(path);
    await keeper
      .watch()
      .withMode('PERSISTENT_RECURSIVE')
      .forPath(path, (event) => {
        const name = event.path?.slice(path.length + 1);
        if (event.type === 'NodeCreated') journal.#enter(name as string);
        else if (event.type === 'NodeDeleted') journal.#inside.delete(name as string);
        else journal.#offences.push([`a gap in the journal: ${event.type} ${event.state}`]);
      });
    return journal;
  }

  /** How many were inside at once, at most. */
  get mostInside(): number {
    return this.#mostInside;
  }

  /** Path of the sequential znode by which somebody tells of being inside. */
  markOf(kind: string, who: string, permits = 1): string {
    return `${this.#path}/${kind}:${permits}:${who}:`;
  }

  /** Tells that one of ours is inside, for as long as it takes to tell. */
  async mark(keeper: Keeper, mark: string): Promise<void> {
    await keeper.delete().forPath(await keeper.create().withMode('EPHEMERAL_SEQUENTIAL').forPath(mark));
  }

  /** Asserts that never more were inside than may be, and that everybody was; tells how often. */
  async expectSafe({ everybody }: { readonly everybody: number }): Promise<string> {
    // What happened before an answer is heard of before it.
    expect(await this.#keeper.getChildren().forPath(this.#path)).toEqual([]);
    expect(this.#offences).toEqual([]);
    expect(this.#inside.size).toBe(0);
    expect(this.#counts.size).toBe(everybody);
    const sum = [...this.#counts.values()].reduce((one, other) => one + other, 0);
    return `${sum} sections: ${[...this.#counts].map(([who, count]) => `${who} ${count}`).join(', ')}`;
  }

  #enter(name: string): void {
    const [kind, permits, who] = name.split(':') as [string, string, string];
    this.#inside.set(name, { kind, permits: Number(permits), who });
    this.#counts.set(who, (this.#counts.get(who) ?? 0) + 1);
    this.#mostInside = Math.max(this.#mostInside, this.#inside.size);
    if (!this.#rule([...this.#inside.values()])) this.#offences.push([...this.#inside.keys()]);
  }
}
