import { ErrorCode, NoNodeError, type WatchedEvent } from 'zookeeper-ts-client';
import { ForeignZnodeError } from '../errors.js';
import { childOf } from '../execution/namespace.js';
import { withAnySignal } from '../execution/with-any-signal.js';
import { type AwaitOptions, removeWatch, untilDeleted } from './await-znode.js';
import type { Member } from './member.js';
import { isKnownPlace, nearestBefore, sequenceKey } from './sequence.js';
import { withinSession } from './session-lapse.js';

/** Blocker of a place in a line. */
export interface Obstacle {
  /** Name of the one znode that the place waits for. */
  readonly name: string;
  /** Whether no other znode can block the place after this one is gone, so that the line need not be listed again. */
  readonly isLast: boolean;
}

/** Returns the blocker of a place: `null` if there is none, `undefined` if the place itself is not in the line. Pure. */
export type ObstacleOf = (own: string, names: readonly string[]) => Obstacle | null | undefined;

/** Options of a wait in a line. */
export interface QueueOptions extends AwaitOptions {
  /** Called with the names of the line before the wait for a blocker begins. An error that it throws ends the wait. */
  readonly onQueued?: ((names: readonly string[]) => void) | undefined;
}

/**
 * Returns the rule of a line with one holder at a time: each place waits for the place directly ahead. Numbers only grow, so no later
 * place can be ahead.
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
 * Waits until a place has no blocker. The place watches a single znode, its blocker, so one departure wakes one waiter. The blocker may
 * leave from the middle of the line. Therefore the line is listed again after the departure, unless no other znode can block the place.
 *
 * @returns whether there was a blocker
 * @throws {NoNodeError} when the own znode is gone
 * @throws {SessionExpiredError} when the session ends first
 * @throws the signal's reason
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

/**
 * Waits until a place is at the head of a line with one holder at a time.
 *
 * @see untilAdmitted
 */
export function untilFirst(member: Member, marker: string, options: QueueOptions = {}): Promise<boolean> {
  return untilAdmitted(member, oneAtATime(marker), options);
}

/** Returns whether the place certainly had no blocker when it was created. */
function isAdmitted({ name, siblings }: Member, obstacleOf: ObstacleOf): boolean {
  return siblings !== null && obstacleOf(name, siblings) === null;
}

/**
 * Returns the line: the list that came with the own znode, or a new one. The place drops its list, because a line may be long and the
 * wait as well.
 */
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

/** @returns whether no znode can block the place any more, and the own znode certainly still stands */
async function untilOutOfTheWay(member: Member, { name, isLast }: Obstacle, signal: AbortSignal): Promise<boolean> {
  const path = childOf(member.directory, name);
  if (isLast) return await untilDeletedWhileStanding(member, path, signal);
  await untilDeleted(member.keeper, path, { signal });
  return false;
}

/**
 * Waits until a znode is gone, while the own znode is watched as well. On one connection, events come in the order of the changes.
 * Therefore no further request is needed to find out whether the own znode still stands.
 *
 * @returns whether the own znode certainly stands
 * @throws {NoNodeError} when the own znode is deleted first
 */
async function untilDeletedWhileStanding(member: Member, path: string, signal: AbortSignal): Promise<boolean> {
  const { keeper } = member;
  const own = new AbortController();
  let [isWatched, isCertain] = [true, true];
  const onOwn = ({ type }: WatchedEvent): void => {
    isWatched = isCertain = false;
    if (type === 'NodeDeleted') own.abort(isGone(member));
  };
  // After a reconnect, missed events come in no particular order.
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
