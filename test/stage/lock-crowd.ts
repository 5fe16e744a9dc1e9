import {
  ConnectionLossError,
  type Hold,
  type Keeper,
  MultiError,
  NotHeldError,
  SessionExpiredError,
} from '@zk-recipes/core';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { expect } from 'vitest';
import { untilAborted } from './holds.js';
import { untilEmpty } from './lines.js';
import { type Claim, LockGrants } from './lock-grants.js';

/** Leases of the semaphore. */
const LIMIT = 3;

/** A lock as somebody takes it. */
export interface Wish {
  readonly claim: Claim;
  acquire(): Promise<Hold>;
}

/** A guarded write that was executed: as which version of what it writes to, and by whose token. */
interface Written {
  readonly version: number;
  readonly token: bigint;
}

/**
 * Locks of all kinds below one path, and those who take them again and again, of each keeper one for each way to take one. Whoever has one
 * alone writes, guarded, to a znode of the lock, so that the server's own history tells who had it when.
 */
export class LockCrowd {
  readonly grants = new LockGrants();
  /** Paths of the locks that are contended for. */
  readonly lines: readonly string[];
  readonly #root: string;
  readonly #written = new Map<string, Written[]>();
  readonly #running: Promise<void>[] = [];
  #isEnding = false;

  private constructor(root: string) {
    this.#root = root;
    this.lines = ['mutex', 'both', 'semaphore', 'one', 'two'].map((name) => `${root}/${name}`);
  }

  /** @param root a path of its own */
  static async around(keeper: Keeper, root: string): Promise<LockCrowd> {
    const crowd = new LockCrowd(root);
    for (const line of crowd.lines) await keeper.create().creatingParents().forPath(journalOf(line), '');
    return crowd;
  }

  /** All ways to take the locks; the multi-locks of two users name them in another order. */
  wishes(keeper: Keeper): Wish[] {
    const [mutex, both, semaphore, one, two] = this.lines as [string, string, string, string, string];
    const { read, write } = new ReadWriteLock(keeper, both);
    const leases = new Semaphore(keeper, semaphore, { maxLeases: LIMIT });
    const all = [new Mutex(keeper, one), new Mutex(keeper, two)] as const;
    const lease = (permits: number): Claim => ({ lines: [semaphore], mode: 'lease', permits, limit: LIMIT });
    const alone = (...lines: string[]): Claim => ({ lines, mode: 'exclusive' });
    return [
      { claim: alone(mutex), acquire: () => new Mutex(keeper, mutex).acquire() },
      { claim: alone(both), acquire: () => write.acquire() },
      { claim: { lines: [both], mode: 'shared' }, acquire: () => read.acquire() },
      { claim: { lines: [both], mode: 'shared' }, acquire: () => read.acquire() },
      { claim: lease(1), acquire: () => leases.acquire() },
      { claim: lease(1), acquire: () => leases.acquire() },
      { claim: lease(2), acquire: () => leases.acquire({ permits: 2 }) },
      { claim: alone(one, two), acquire: () => new MultiLock(keeper, all).acquire() },
      { claim: alone(one, two), acquire: () => new MultiLock(keeper, all.toReversed()).acquire() },
      { claim: alone(one), acquire: () => all[0].acquire() },
    ];
  }

  /** Acquires each of the locks once, alone or for writing, or all of its leases, and keeps them. */
  async holdAll(keeper: Keeper): Promise<Hold[]> {
    const [mutex, writer, , , , , , several] = this.wishes(keeper);
    const [, , semaphore] = this.lines as [string, string, string];
    const leases: Wish = {
      claim: { lines: [semaphore], mode: 'lease', permits: LIMIT, limit: LIMIT },
      acquire: () => new Semaphore(keeper, semaphore, { maxLeases: LIMIT }).acquire({ permits: LIMIT }),
    };
    const wishes = [mutex, writer, several, leases] as Wish[];
    return await Promise.all(wishes.map(async ({ claim, acquire }) => this.grants.note(claim, await acquire())));
  }

  /** Has those of a keeper come. */
  join(keeper: Keeper): void {
    for (const wish of this.wishes(keeper)) this.#running.push(this.#contend(wish));
  }

  /** Resolves when all have come to an end: nobody was refused, nothing was done beside anybody else, and nothing is left of them. */
  async end(observer: Keeper): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#running);
    this.grants.expectSafe();
    for (const written of this.#written.values()) {
      const tokens = written.toSorted((a, b) => a.version - b.version).map(({ token }) => token);
      expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    }
    const [mutex, both, semaphore, one, two] = this.lines as [string, string, string, string, string];
    const directories = [mutex, both, `${semaphore}/locks`, `${semaphore}/leases`, one, two];
    for (const directory of directories) await untilEmpty(observer, directory);
  }

  async #contend({ claim, acquire }: Wish): Promise<void> {
    while (!this.#isEnding) {
      try {
        const hold = this.grants.note(claim, await acquire());
        await (claim.mode === 'exclusive' ? this.#write(claim, hold) : this.#look(hold));
        await hold.release();
      } catch (error) {
        this.grants.offend(`rejected in ${this.#root}: ${error}`);
        // Of a keeper that a failed test has closed there is no more to be had.
        return;
      }
    }
  }

  /** A round trip while others may hold it as well. */
  async #look(hold: Hold): Promise<void> {
    await guarded(hold, () => hold.guard().commit());
  }

  async #write({ lines }: Claim, hold: Hold): Promise<void> {
    const write = () => lines.reduce((all, line) => all.setData(journalOf(line), ''), hold.guard()).commit();
    const results = await guarded(hold, write);
    const stats = (results ?? []).flatMap((result) => (result.type === 'setData' ? [result.stat] : []));
    for (const [index, { version }] of stats.entries()) {
      this.#writtenOn(lines[index] as string).push({ version, token: hold.fencingToken });
    }
  }

  #writtenOn(line: string): Written[] {
    const written = this.#written.get(line) ?? [];
    this.#written.set(line, written);
    return written;
  }
}

/** Commits something that is guarded by a hold; `null` if it was refused, which it may be by the loss of the hold only, or nobody knows. */
async function guarded<T>(hold: Hold, commit: () => Promise<T>): Promise<T | null> {
  try {
    return await commit();
  } catch (error) {
    if (error instanceof ConnectionLossError || error instanceof SessionExpiredError) return null;
    if (!(error instanceof NotHeldError || error instanceof MultiError)) throw error;
    await untilAborted(hold.signal);
    return null;
  }
}

/** The znode to which those write who have a lock alone. */
function journalOf(line: string): string {
  return `${line}-journal`;
}
