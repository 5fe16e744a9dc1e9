import { ErrorCode, NoNodeError, type WatchedEvent } from 'zookeeper-ts-client';
import { ForeignZnodeError } from '../errors.js';
import { childOf } from '../execution/namespace.js';
import { withAnySignal } from '../execution/with-any-signal.js';
import { type AwaitOptions, removeWatch, untilDeleted } from './await-znode.js';
import type { Member } from './member.js';
import { isKnownPlace, nearestBefore, sequenceKey } from './sequence.js';
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
    const nearest = nearestBefore(own, names, (name) => sequenceKey(name, marker));
    return nearest && { name: nearest.name, isLast: nearest.isOnlyOne };
  };
}

/**
 * Waits until nobody stands in the way of a member. Watches only the one obstacle, so that each departure wakes one member, and
 * looks at the line again then, unless that was the last one: it may have left from the middle.
 *
 * @returns whether there was anybody to wait for
 * @throws NoNodeError if the own znode is gone; SessionExpiredError; the signal's reason
 */
export async function untilAdmitted(
  member: Member,
  obstacleOf: ObstacleOf,
  { signal, onQueued }: QueueOptions = {},
): Promise<boolean> {
  if (isAdmitted(member, obstacleOf)) return false;
  return await withinSession(member.keeper, member.epoch, signal, async (within) => {
    let obstacle = findObstacle(member, obstacleOf, await lookAround(member, within), onQueued);
    if (obstacle === null) return false;
    while (obstacle !== null && !(await untilOutOfTheWay(member, obstacle, within))) {
      obstacle = findObstacle(member, obstacleOf, await listLine(member, within));
    }
    return true;
  });
}

/** Waits until nobody stands before a member of a line in which one at a time has its turn. @see untilAdmitted */
export function untilFirst(member: Member, marker: string, options: QueueOptions = {}): Promise<boolean> {
  return untilAdmitted(member, oneAtATime(marker), options);
}

/** Whether nobody stood in the way of a member when it came, as far as it knows that. */
function isAdmitted({ name, siblings }: Member, obstacleOf: ObstacleOf): boolean {
  return siblings !== null && obstacleOf(name, siblings) === null;
}

/** The line, as it came with the own znode if it did. A line may be long, and so may the waiting, so nobody keeps it. */
async function lookAround(member: Member, signal: AbortSignal): Promise<readonly string[]> {
  const { siblings } = member;
  member.forgetSiblings();
  return siblings ?? (await listLine(member, signal));
}

function listLine({ keeper, directory }: Member, signal: AbortSignal): Promise<string[]> {
  return keeper.getChildren().forPath(directory, { signal });
}

function findObstacle(
  member: Member,
  obstacleOf: ObstacleOf,
  names: readonly string[],
  onQueued?: QueueOptions['onQueued'],
): Obstacle | null {
  const obstacle = obstacleOf(member.name, names);
  if (obstacle === undefined) throw isGone(member);
  if (obstacle !== null && !isKnownPlace(obstacle.name, member.name)) {
    throw new ForeignZnodeError(childOf(member.directory, obstacle.name));
  }
  if (obstacle !== null) onQueued?.(names);
  return obstacle;
}

/** @returns whether certainly nobody stands in the way any more, and the own znode still stands */
async function untilOutOfTheWay(member: Member, { name, isLast }: Obstacle, signal: AbortSignal): Promise<boolean> {
  const path = childOf(member.directory, name);
  if (isLast) return await untilDeletedWhileStanding(member, path, signal);
  await untilDeleted(member.keeper, path, { signal });
  return false;
}

/**
 * Waits until a znode is gone while the member's own is watched as well. On one connection events come in the order in which things
 * happened, so nobody has to ask afterwards whether the own one still stands.
 *
 * @returns whether the own znode certainly stands
 * @throws NoNodeError if the own znode went first
 */
async function untilDeletedWhileStanding(member: Member, path: string, signal: AbortSignal): Promise<boolean> {
  const { keeper } = member;
  const own = new AbortController();
  let [isWatched, isCertain] = [true, true];
  const onOwn = ({ type }: WatchedEvent): void => {
    isWatched = isCertain = false;
    if (type === 'NodeDeleted') own.abort(isGone(member));
  };
  // What was missed is told in no order.
  const onState = (): void => {
    isCertain = false;
  };
  keeper.on('state', onState);
  const watching = keeper
    .getData()
    .watching(onOwn)
    .forPath(member.path, { signal })
    .catch((error: unknown) => own.abort(error));
  try {
    await withAnySignal([signal, own.signal], (either) => untilDeleted(keeper, path, { signal: either }));
    await watching;
    own.signal.throwIfAborted();
    return isCertain;
  } catch (error) {
    if (isWatched) removeWatch(keeper, member.path, 'DATA', onOwn);
    throw error;
  } finally {
    keeper.off('state', onState);
  }
}

function isGone({ path }: Member): NoNodeError {
  return new NoNodeError(ErrorCode.NONODE, 'place in line', path);
}
