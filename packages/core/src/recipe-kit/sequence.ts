import { parseProtectedName } from '../execution/protection.js';

/**
 * Order of the places in a line, by the server's sequence numbers. Pure.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Locks"; Curator's `LockInternalsSorter`
 */

/**
 * Returns whether a child of a line's directory can be a place in the line, of any client. Every client lets the server append a sequence
 * number, so the name ends in ten digits. Curator's read/write lock reuses the number of a writer for a reader's znode, which ends in ten
 * digits as well. Other children, such as the directory of another lock, are not places.
 */
export function isPlaceName(name: string): boolean {
  return /\d{10}$/.test(name);
}

/** Parts of the names of places: Curator's locks, read/write locks, latches and semaphores, and kazoo's locks and elections. */
const knownMarkers = ['lock-', '__READ__', '__WRIT__', 'latch-', 'lease-', '__lock__', '__rlock__'];

/**
 * Returns whether a name that ends in ten digits may be another client's place in the same line. Such a name contains the marker of the
 * line, or a marker of Curator or kazoo.
 *
 * @param own name of a place in the line
 */
export function isKnownPlace(name: string, own: string): boolean {
  const marker = (parseProtectedName(own)?.name ?? own).replace(/-?\d{10}$/, '');
  return (marker !== '' && name.includes(marker)) || knownMarkers.some((known) => name.includes(known));
}

/**
 * Returns the part of a name that determines its order in a line: the text after the last occurrence of the marker. If the marker does
 * not occur, the part is the whole name. Keys are compared as strings, as in Curator.
 *
 * @param marker name of the recipe's znodes without protection and number, e.g. `lock-`
 */
export function sequenceKey(name: string, marker: string): string {
  const at = name.lastIndexOf(marker);
  return at < 0 ? name : name.slice(at + marker.length);
}

/**
 * Returns whether the numbers of a directory are used up. The server then assigns the last number, 2147483647, repeatedly, and negative
 * numbers would sort first, so the order means nothing any more. ZOOKEEPER-4706
 *
 * @param key key of a name that the server has just assigned
 */
export function isUsedUp(key: string): boolean {
  return !/^\d{10}$/.test(key) || key === '2147483647';
}

/** Returns the places among the names, in the order of the line. */
export function inSequence(names: readonly string[], marker: string): string[] {
  return inOrderOf(names, (name) => sequenceKey(name, marker));
}

/**
 * Returns the places among the names, in the order of their keys. Of equal keys, which servers hardly ever assign, the lesser name comes
 * first.
 */
export function inOrderOf(names: readonly string[], keyOf: (name: string) => string): string[] {
  return names
    .filter(isPlaceName)
    .map((name) => ({ name, key: keyOf(name) }))
    .sort((a, b) => compareText(a.key, b.key) || compareText(a.name, b.name))
    .map(({ name }) => name);
}

/** Returns the name directly ahead of a name in the line: `null` if there is none, `undefined` if the name itself is not in the line. */
export function predecessorOf(own: string, names: readonly string[], marker: string): string | null | undefined {
  const nearest = nearestBefore(own, names, (name) => sequenceKey(name, marker));
  return nearest?.name ?? (nearest as null | undefined);
}

/** Nearest place ahead in a line. */
export interface Nearest {
  readonly name: string;
  /** Whether no other counted place is ahead. */
  readonly isOnlyOne: boolean;
}

/**
 * Returns the nearest counted place ahead of a name: `null` if there is none, `undefined` if the name itself is missing. The order is
 * that of `inOrderOf`. Needs only one pass, because a line may be long and every waiter computes this.
 */
export function nearestBefore(
  own: string,
  names: readonly string[],
  keyOf: (name: string) => string,
  counts: (name: string) => boolean = () => true,
): Nearest | null | undefined {
  const ownKey = keyOf(own);
  let present = false;
  let before = 0;
  let [nearest, nearestKey] = ['', ''];
  for (const name of names) {
    if (name === own) {
      present = true;
      continue;
    }
    if (!isPlaceName(name)) continue;
    const key = keyOf(name);
    if (key > ownKey || (key === ownKey && name > own) || !counts(name)) continue;
    before += 1;
    if (before === 1 || key > nearestKey || (key === nearestKey && name > nearest)) [nearest, nearestKey] = [name, key];
  }
  if (!present) return undefined;
  return before === 0 ? null : { name: nearest, isOnlyOne: before === 1 };
}

/** Compares by UTF-16 code units, as Java does. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
