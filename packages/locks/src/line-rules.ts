import {
  inOrderOf,
  inSequence,
  nearestBefore,
  type ObstacleOf,
  oneAtATime,
  sequenceKey,
} from '@zk-recipes/core/recipe-kit';

/*
 * Who waits for whom in the line of a lock. Pure. The names, and their order, are Curator's.
 */

/** Marker in the names of a mutex. @see org.apache.curator.framework.recipes.locks.InterProcessMutex */
export const LOCK = 'lock-';
/** Markers in the names of a read/write lock; of one length on purpose. @see org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock */
export const READ = '__READ__';
export const WRITE = '__WRIT__';

/** How those stand in line who want a lock in one way. */
export interface LineRule {
  /** Name of their znodes, without protection and number. */
  readonly marker: string;
  /** Who keeps one of them waiting. */
  readonly obstacleOf: ObstacleOf;
  /** All places in the directory, those of other clients included, in the order of the line. */
  inOrder(names: readonly string[]): string[];
  /** How many of the ordered line, from its beginning, hold the lock. */
  holdersOf(ordered: readonly string[]): number;
}

/** One at a time. */
export const mutexRule: LineRule = {
  marker: LOCK,
  obstacleOf: oneAtATime(LOCK),
  inOrder: (names) => inSequence(names, LOCK),
  holdersOf: (ordered) => Math.min(1, ordered.length),
};

/** A writer waits for everybody before it. One that leaves may have become a reader (downgrade), so it looks again. */
export const writeRule: LineRule = {
  marker: WRITE,
  obstacleOf: (own, names) => {
    const nearest = nearestBefore(own, names, readWriteKey);
    return nearest && { name: nearest.name, isLast: false };
  },
  inOrder: inReadWriteOrder,
  holdersOf: readersOrWriter,
};

/** A reader waits for the writers before it only; none can come to stand before it later. */
export const readRule: LineRule = {
  marker: READ,
  obstacleOf: (own, names) => {
    const nearest = nearestBefore(own, names, readWriteKey, isWriter);
    return nearest && { name: nearest.name, isLast: nearest.isOnlyOne };
  },
  inOrder: inReadWriteOrder,
  holdersOf: readersOrWriter,
};

/** All before the first writer hold, or the first writer alone. */
function readersOrWriter(ordered: readonly string[]): number {
  const writer = ordered.findIndex(isWriter);
  if (writer < 0) return ordered.length;
  return Math.max(1, writer);
}

function isWriter(name: string): boolean {
  return name.includes(WRITE);
}

function inReadWriteOrder(names: readonly string[]): string[] {
  return inOrderOf(names, readWriteKey);
}

/** What follows the marker, whichever it is. */
function readWriteKey(name: string): string {
  return sequenceKey(sequenceKey(name, READ), WRITE);
}

const protection = /^_c_[0-9a-f-]{36}-/i;

/** Name of the znodes of those in the line of a semaphore who want so many permits, without protection and number. */
export function markerFor(permits: number): string {
  return permits === 1 ? LOCK : `${permits}-${LOCK}`;
}

/** Number of permits that somebody in the line of a semaphore wants. Curator's want one at a time. */
export function permitsOf(name: string): number {
  // A protection may end in digits, too.
  return Number(/^(\d+)-lock-\d{10}$/.exec(name.replace(protection, ''))?.[1] ?? 1);
}
