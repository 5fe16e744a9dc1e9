import { type ObstacleOf, oneAtATime, sequenceKey } from '@zk-recipes/core/recipe-kit';

/*
 * Who waits for whom in the line of a lock. Pure. The names, and their order, are Curator's.
 */

/** Marker in the names of a mutex. @see org.apache.curator.framework.recipes.locks.InterProcessMutex */
export const LOCK = 'lock-';
/** Markers in the names of a read/write lock; of one length on purpose. @see org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock */
export const READ = '__READ__';
export const WRITE = '__WRIT__';

const protection = /^_c_[0-9a-f-]{36}-/i;

/** Name of the znodes of those in the line of a semaphore who want so many permits, without protection and number. */
export function wishFor(permits: number): string {
  return permits === 1 ? LOCK : `${permits}-${LOCK}`;
}

/** Number of permits that somebody in the line of a semaphore wants. Curator's want one at a time. */
export function permitsOf(name: string): number {
  // A protection may end in digits, too.
  return Number(/^(\d+)-lock-\d{10}$/.exec(name.replace(protection, ''))?.[1] ?? 1);
}

/** How those stand in line who want a lock in one way. */
export interface LineRule {
  /** Name of their znodes, without protection and number. */
  readonly marker: string;
  /** Who keeps one of them waiting. */
  readonly obstacleOf: ObstacleOf;
  /** Everybody in the directory, foreign znodes included, in the order of the line. */
  inOrder(names: readonly string[]): string[];
  /** Whether the one at an index of the ordered line holds the lock. */
  isHolding(ordered: readonly string[], index: number): boolean;
}

/** One at a time. */
export const mutexRule: LineRule = {
  marker: LOCK,
  obstacleOf: oneAtATime(LOCK),
  inOrder: (names) => sorted(names, (name) => sequenceKey(name, LOCK)),
  isHolding: (_, index) => index === 0,
};

/** A writer waits for everybody before it. One that leaves may have become a reader (downgrade), so it looks again. */
export const writeRule: LineRule = {
  marker: WRITE,
  obstacleOf: (own, names) => nearestBefore(own, names, () => true, false),
  inOrder: inReadWriteOrder,
  isHolding: isHoldingReadWrite,
};

/** A reader waits for the writers before it only; none can come to stand before it later. */
export const readRule: LineRule = {
  marker: READ,
  obstacleOf: (own, names) => nearestBefore(own, names, isWriter, true),
  inOrder: inReadWriteOrder,
  isHolding: isHoldingReadWrite,
};

/** Number of contenders before one in the line. */
export function positionOf(own: string, names: readonly string[], rule: LineRule): number {
  return rule.inOrder(names).indexOf(own);
}

function isWriter(name: string): boolean {
  return name.includes(WRITE);
}

/** Readers up to the first writer hold, or the first writer alone. */
function isHoldingReadWrite(ordered: readonly string[], index: number): boolean {
  if (index === 0) return true;
  return ordered.slice(0, index + 1).every((name) => !isWriter(name));
}

function inReadWriteOrder(names: readonly string[]): string[] {
  return sorted(names, readWriteKey);
}

/** What follows the marker, whichever it is. */
function readWriteKey(name: string): string {
  return sequenceKey(sequenceKey(name, READ), WRITE);
}

function nearestBefore(
  own: string,
  names: readonly string[],
  counts: (name: string) => boolean,
  noneCanCome: boolean,
): ReturnType<ObstacleOf> {
  const ordered = inReadWriteOrder(names);
  const at = ordered.indexOf(own);
  if (at < 0) return undefined;
  const before = ordered.slice(0, at).filter(counts);
  const name = before.at(-1);
  return name === undefined ? null : { name, isLast: noneCanCome && before.length === 1 };
}

/** Equal keys, which only a downgrade makes, by name. */
function sorted(names: readonly string[], keyOf: (name: string) => string): string[] {
  return names
    .map((name) => ({ name, key: keyOf(name) }))
    .sort((a, b) => compare(a.key, b.key) || compare(a.name, b.name))
    .map(({ name }) => name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
