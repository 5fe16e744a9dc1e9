import { ConnectionLossError, type Keeper, MultiError } from '@zk-recipes/core';
import { type LockHold, Mutex } from '@zk-recipes/locks';

/** One run that is due: which job, and for which time. */
export interface Run {
  readonly job: string;
  /** The beginning of the slot, such as `2031-05-01T02:00:00Z`. */
  readonly slot: string;
}

/** What is written down of a run that was completed. */
export interface RunRecord {
  /** Who did it. */
  readonly by: string;
  /** Fencing token of the hold under which it was done. */
  readonly token: string;
  /** What came of it. */
  readonly result: string;
}

/** What the work of a job is given: stop when `hold.signal` aborts. @returns what came of it */
export type Work = (hold: LockHold) => Promise<string>;

/** What became of a run: completed here, or by somebody else. */
export type Outcome = 'completed' | 'was completed';

/** Who runs it, and what ends the waiting. */
export interface RunOnceOptions {
  /** Name of this process, for others to see. */
  readonly id: string;
  /** Gives up waiting for the others. Work under way is not ended by it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has a run completed once across all processes that call this for it, early or late.
 *
 * A mutex keeps two from working on it at the same time; a mark says that it is done, for all who come later. The mark is set by
 * `hold.guard()`, so a process that lost the lock in the middle, and goes on none the less, cannot complete what another has begun.
 *
 * @throws HoldLostError or MultiError if the lock was lost before the work was completed: somebody else will complete it
 */
export async function runOnce(keeper: Keeper, run: Run, work: Work, options: RunOnceOptions): Promise<Outcome> {
  const { id, signal } = options;
  const mutex = new Mutex(keeper, `/locks/${run.job}/${run.slot}`, { data: id });
  // Only to spare the lock what is done long since.
  if ((await readRecord(keeper, run)) !== null) return 'was completed';
  return await mutex.run(
    async (hold) => {
      if ((await readRecord(keeper, run)) !== null) return 'was completed';
      const result = await work(hold);
      await complete(keeper, hold, run, { by: id, token: `${hold.fencingToken}`, result });
      return 'completed';
    },
    { signal },
  );
}

/** What is written down of a run; `null` if it is not completed. */
export async function readRecord(keeper: Keeper, run: Run): Promise<RunRecord | null> {
  const path = markOf(run);
  if ((await keeper.exists().forPath(path)) === null) return null;
  return JSON.parse(`${await keeper.getData().forPath(path)}`) as RunRecord;
}

/** Sets the mark: once, while the lock is held, and known to be set when this resolves. */
async function complete(keeper: Keeper, hold: LockHold, run: Run, record: RunRecord): Promise<void> {
  const setMark = hold.guard().creatingParents().create(markOf(run), JSON.stringify(record));
  for (;;) {
    try {
      await setMark.commit();
      return;
    } catch (error) {
      if (!(error instanceof MultiError || error instanceof ConnectionLossError)) throw error;
      // A reply that was lost, or an earlier attempt that had been executed: the mark tells whose it is.
      const found = await readRecord(keeper, run);
      if (found?.token === record.token) return;
      if (found !== null || error instanceof MultiError) throw error;
    }
  }
}

function markOf({ job, slot }: Run): string {
  return `/done/${job}/${slot}`;
}
