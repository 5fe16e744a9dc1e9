import { ClosedError, NoNodeError, SessionExpiredError, type Stat, type WatchedEvent } from 'zookeeper-ts-client';
import type { Keeper } from '../keeper.js';
import { Change } from './change.js';

/**
 * Options of a wait for a znode. A wait belongs to one session, and rejects when that session ends. If that session ends during the first
 * read, the read is repeated in the next session, as all reads are.
 */
export interface AwaitOptions {
  /** Cancels the wait when it aborts: the wait rejects with the signal's reason, and leaves no watch behind. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a wait for the deletion of a znode. */
export interface AwaitDeletionOptions extends AwaitOptions {
  /** Zxid as of which the znode was seen, if it was seen before: a znode that was created later is another one. */
  readonly asOf?: bigint | undefined;
}

/**
 * Waits until a znode is gone. However long the wait takes, it needs one request and one watch, unless the data of the znode changes.
 *
 * The wait is for one particular znode. The wait also ends if the znode was deleted and created again without being seen: during a lost
 * connection, or between two reads.
 *
 * The wait reads the data instead of asking whether the znode exists: a read of a missing znode leaves no watch behind (CURATOR-654).
 *
 * @throws {SessionExpiredError} when the session ends first
 * @throws the signal's reason
 */
export async function untilDeleted(
  keeper: Keeper,
  path: string,
  { signal, asOf: seenAt }: AwaitDeletionOptions = {},
): Promise<void> {
  for (let asOf = seenAt; ; ) {
    const change = new Change();
    try {
      const { stat } = await keeper.getData().withStat().watching(change.happened).forPath(path, { signal });
      asOf ??= stat.czxid;
      if (stat.czxid > asOf) {
        removeWatch(keeper, path, 'DATA', change.happened);
        return;
      }
    } catch (error) {
      if (error instanceof NoNodeError) return;
      throw error;
    }
    const event = await awaitChange(keeper, path, 'DATA', change, signal);
    if (event.type === 'NodeDeleted') return;
  }
}

/**
 * Waits until a znode exists.
 *
 * @returns its stat if it existed already; `null` if the watch reported its creation, after which it may be gone again
 * @throws {SessionExpiredError} when the session ends first
 * @throws the signal's reason
 */
export async function untilCreated(keeper: Keeper, path: string, { signal }: AwaitOptions = {}): Promise<Stat | null> {
  for (;;) {
    const change = new Change();
    const stat = await keeper.exists().watching(change.happened).forPath(path, { signal });
    if (stat !== null) {
      removeWatch(keeper, path, 'DATA', change.happened);
      return stat;
    }
    const event = await awaitChange(keeper, path, 'DATA', change, signal);
    if (event.type === 'NodeCreated') return null;
  }
}

/**
 * Waits until the children of a znode meet a condition, and returns them. Reads the list again after each change.
 *
 * @throws {NoNodeError} when the znode does not exist
 * @throws {SessionExpiredError} when the session ends first
 * @throws the signal's reason
 */
export async function untilChildren(
  keeper: Keeper,
  path: string,
  wanted: (children: readonly string[]) => boolean,
  { signal }: AwaitOptions = {},
): Promise<readonly string[]> {
  for (;;) {
    const change = new Change();
    const children = await keeper.getChildren().watching(change.happened).forPath(path, { signal });
    if (wanted(children)) {
      removeWatch(keeper, path, 'CHILDREN', change.happened);
      return children;
    }
    await awaitChange(keeper, path, 'CHILDREN', change, signal);
  }
}

/** Waits for a watch to fire. If the signal aborts first, the watch is removed in this process and at the server. */
async function awaitChange(
  keeper: Keeper,
  path: string,
  type: 'DATA' | 'CHILDREN',
  change: Change,
  signal: AbortSignal | undefined,
): Promise<WatchedEvent> {
  const event = await change.orAbort(signal);
  if (event === null) {
    removeWatch(keeper, path, type, change.happened);
    throw signal?.reason;
  }
  if (event.type !== 'None') return event;
  throw event.state === 'Expired' ? new SessionExpiredError() : new ClosedError('the session has ended');
}

/**
 * Removes a watch in this process and at the server. The caller does not wait for the removal. If the `Keeper` is closed, the end of the
 * session removes the watch.
 */
export function removeWatch(
  keeper: Keeper,
  path: string,
  type: 'DATA' | 'CHILDREN',
  listener: (event: WatchedEvent) => void,
): void {
  if (keeper.closed) return;
  keeper
    .removeWatch(listener)
    .ofType(type)
    .forPath(path)
    .catch((error: unknown) => keeper.reportBackgroundError(error, 'removal of a watch', path));
}
