import { ClosedError, NoNodeError, SessionExpiredError, type Stat, type WatchedEvent } from 'zookeeper-ts-client';
import type { Keeper } from '../keeper.js';
import { Change } from './change.js';

/**
 * How long to wait. A wait belongs to the session in which it looked, and rejects when that one ends; where it ends while the look is under
 * way, the look is repeated in the next one, as all reads are.
 */
export interface AwaitOptions {
  /** Gives up: rejects with its reason, and leaves no watch behind. */
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait for a znode to go. */
export interface AwaitDeletionOptions extends AwaitOptions {
  /** The zxid as of which the znode was seen, where it was: one that was created later is another one. */
  readonly asOf?: bigint | undefined;
}

/**
 * Waits until a znode is gone. One request and one watch, however long it takes, unless its data is changed.
 *
 * It waits for one incarnation: where the znode was deleted and created again, unseen since there was no connection or between a look
 * and the next, it is gone, too.
 *
 * The znode is read, not asked for: a read of what does not exist leaves no watch behind (CURATOR-654).
 * @throws SessionExpiredError when the session ends first; the signal's reason
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
 * Waits until a znode is there.
 *
 * @returns its stat if it was found; `null` if it was seen to be created, after which it may have gone again
 * @throws SessionExpiredError when the session ends first; the signal's reason
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
 * Waits until the children of a znode are as wanted, and returns them. Reads the list anew after each change of it.
 *
 * @throws NoNodeError if there is no such znode; SessionExpiredError when the session ends first; the signal's reason
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

/** Waits for a watch to fire; one that nobody waits for any more is removed here and on the server. */
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

/** Removes a watch here and on the server, while who gave up goes on: nobody waits for it. Of a `Keeper` that closes it goes with the session. */
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
