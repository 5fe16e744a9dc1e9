import { ErrorCode, NoNodeError, type WatchedEvent } from 'zookeeper-ts-client';
import { childOf } from '../execution/namespace.js';
import { type AwaitOptions, removeWatch, untilDeleted } from './await-znode.js';
import type { Member } from './member.js';
import { predecessorOf } from './sequence.js';
import { withinSession } from './session-lapse.js';

/** Who keeps a member of a line waiting. */
export interface Obstacle {
  /** The one to be waited for, alone. */
  readonly name: string;
  /** Whether nobody can stand in the way any more once that one is gone, so that the line need not be read again. */
  readonly isLast: boolean;
}

/** Says who keeps a member waiting: `null` if nobody does, `undefined` if it is not in the line itself. Pure. */
export type ObstacleOf = (own: string, names: readonly string[]) => Obstacle | null | undefined;

/** How to wait in a line. */
export interface QueueOptions extends AwaitOptions {
  /** Told of the line as it is found, if there is an obstacle in it, before it is waited for. What it throws ends the waiting. */
  readonly onQueued?: ((names: readonly string[]) => void) | undefined;
}

/**
 * The rule of a line in which one at a time has its turn: everybody waits for the one directly before. Numbers only grow, so nobody comes to
 * stand before a member later.
 *
 * @param marker name of the line's znodes without protection and number, e.g. `lock-`
 */
export function oneAtATime(marker: string): ObstacleOf {
  return (own, names) => {
    const predecessor = predecessorOf(own, names, marker);
    if (predecessor === null || predecessor === undefined) return predecessor;
    const isFirst = predecessorOf(predecessor, names, marker) === null;
    return { name: predecessor, isLast: isFirst };
  };
}

/** Whether nobody stood in the way of a member when it came, as far as it knows that already. */
export function isAdmitted({ name, siblings }: Member, obstacleOf: ObstacleOf): boolean {
  return siblings !== null && obstacleOf(name, siblings) === null;
}

/**
 * Waits until nobody stands in the way of a member. Watches only the one obstacle, so that each departure wakes one member, and
 * looks at the line again then, unless that was the last one: it may have left from the middle.
 *
 * @throws NoNodeError if the own znode is gone; SessionExpiredError; the signal's reason
 */
export function untilAdmitted(member: Member, obstacleOf: ObstacleOf, options: QueueOptions = {}): Promise<void> {
  const { signal, onQueued } = options;
  return withinSession(member.keeper, member.epoch, signal, (within) => advance(member, obstacleOf, within, onQueued));
}

/** Waits until nobody stands before a member of a line in which one at a time has its turn. @see untilAdmitted */
export function untilFirst(member: Member, marker: string, options: QueueOptions = {}): Promise<void> {
  return untilAdmitted(member, oneAtATime(marker), options);
}

async function advance(
  member: Member,
  obstacleOf: ObstacleOf,
  signal: AbortSignal,
  onQueued: QueueOptions['onQueued'],
): Promise<void> {
  const { keeper, directory } = member;
  let names = member.siblings ?? (await keeper.getChildren().forPath(directory, { signal }));
  for (let isNew = true; ; isNew = false) {
    const obstacle = obstacleOf(member.name, names);
    if (obstacle === undefined) throw isGone(member);
    if (obstacle === null) return;
    if (isNew) onQueued?.(names);
    const path = childOf(directory, obstacle.name);
    if (!obstacle.isLast) await untilDeleted(keeper, path, { signal });
    else if (await untilDeletedBefore(member, path, signal)) return;
    names = await keeper.getChildren().forPath(directory, { signal });
  }
}

/**
 * Waits until a znode is gone while the member's own is watched as well. Events come in the order in which things happened, so nobody
 * has to ask afterwards whether the own one still stands.
 *
 * @returns whether the own znode certainly stands
 * @throws NoNodeError if the own znode went first
 */
async function untilDeletedBefore(member: Member, path: string, signal: AbortSignal): Promise<boolean> {
  const { keeper } = member;
  const own = new AbortController();
  let isWatched = true;
  const onOwn = ({ type }: WatchedEvent): void => {
    isWatched = false;
    if (type === 'NodeDeleted') own.abort(isGone(member));
  };
  const watching = keeper
    .getData()
    .watching(onOwn)
    .forPath(member.path, { signal })
    .catch((error: unknown) => own.abort(error));
  try {
    await untilDeleted(keeper, path, { signal: AbortSignal.any([signal, own.signal]) });
    await watching;
    own.signal.throwIfAborted();
    return isWatched;
  } catch (error) {
    if (isWatched) removeWatch(keeper, member.path, 'DATA', onOwn);
    throw error;
  }
}

function isGone({ path }: Member): NoNodeError {
  return new NoNodeError(ErrorCode.NONODE, 'place in line', path);
}
