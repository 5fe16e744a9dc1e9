import {
  inOrderOf,
  inSequence,
  nearestBefore,
  type ObstacleOf,
  oneAtATime,
  sequenceKey,
} from '@zk-recipes/core/recipe-kit';

/*
 * Blockers in the line of a lock. Pure. The names, and their order, are Curator's.
 */

/**
 * Marker in the names of a mutex.
 *
 * @see org.apache.curator.framework.recipes.locks.InterProcessMutex
 */
export const LOCK = 'lock-';
/**
 * Markers in the names of a read/write lock; of equal length on purpose.
 *
 * @see org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock
 */
export const READ = '__READ__';
export const WRITE = '__WRIT__';

/** Rules of a line for the contenders that want a lock in one mode. */
export interface LineRule {
  /** Name of their znodes, without protection and number. */
  readonly marker: string;
  /** Finds the blocker of a place. */
  readonly obstacleOf: ObstacleOf;
  /** Returns all places of the directory, including those of other clients, in the order of the line. */
  inOrder(names: readonly string[]): string[];
  /** Returns how many places at the head of the ordered line hold the lock. */
  holdersOf(ordered: readonly string[]): number;
}

/** Rule of a mutex: one holder at a time. */
export const mutexRule: LineRule = {
  marker: LOCK,
  obstacleOf: oneAtATime(LOCK),
  inOrder: (names) => inSequence(names, LOCK),
  holdersOf: (ordered) => Math.min(1, ordered.length),
};

/**
 * Rule of a writer: it waits for all places ahead. A writer that leaves may have become a reader (downgrade), so the line is listed
 * again.
 */
export const writeRule: LineRule = {
  marker: WRITE,
  obstacleOf: (own, names) => {
    const nearest = nearestBefore(own, names, readWriteKey);
    return nearest && { name: nearest.name, isLast: false };
  },
  inOrder: inReadWriteOrder,
  holdersOf: readersOrWriter,
};

/** Rule of a reader: it waits only for the writers ahead. No later place can be ahead of it. */
export const readRule: LineRule = {
  marker: READ,
  obstacleOf: (own, names) => {
    const nearest = nearestBefore(own, names, readWriteKey, isWriter);
    return nearest && { name: nearest.name, isLast: nearest.isOnlyOne };
  },
  inOrder: inReadWriteOrder,
  holdersOf: readersOrWriter,
};

/** Returns the number of holders: all places ahead of the first writer, or the first writer alone. */
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

/** Returns the rest of a name after either marker. */
function readWriteKey(name: string): string {
  return sequenceKey(sequenceKey(name, READ), WRITE);
}

const protection = /^_c_[0-9a-f-]{36}-/i;

/** Returns the name of the znodes of contenders for this number of permits, without protection and number. */
export function markerFor(permits: number): string {
  return permits === 1 ? LOCK : `${permits}-${LOCK}`;
}

/** Returns the number of permits that a contender in the line of a semaphore wants. Curator's contenders want one at a time. */
export function permitsOf(name: string): number {
  // The uuid of a protection may end in digits, so the protection is removed before the match.
  return Number(/^(\d+)-lock-\d{10}$/.exec(name.replace(protection, ''))?.[1] ?? 1);
}
