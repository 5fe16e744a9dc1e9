import { parseProtectedName } from '../execution/protection.js';

/**
 * What the server's numbers say about which place came first. Pure.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Locks"; Curator's `LockInternalsSorter`
 */

/**
 * Whether a child of a line's directory can be a place in the line, of whatever client. Every client has the server append a sequence
 * number, so the name ends in ten digits. Curator's read/write lock reuses the number of a writer for a reader's znode, which ends in
 * ten digits as well. Other children, such as the directory of another lock, are no places.
 */
export function isPlaceName(name: string): boolean {
  return /\d{10}$/.test(name);
}

/** Parts of the names of places: Curator's locks, read/write locks, latches and semaphores, and kazoo's locks and elections. */
const knownMarkers = ['lock-', '__READ__', '__WRIT__', 'latch-', 'lease-', '__lock__', '__rlock__'];

/**
 * Whether a name that ends in ten digits may belong to another client's place in the same line: it has the marker of the line, or one
 * of Curator's or kazoo's.
 *
 * @param own name of a place in the line
 */
export function isKnownPlace(name: string, own: string): boolean {
  const marker = (parseProtectedName(own)?.name ?? own).replace(/-?\d{10}$/, '');
  return (marker !== '' && name.includes(marker)) || knownMarkers.some((known) => name.includes(known));
}

/**
 * The part of a name by which a line is ordered: all that follows the last occurrence of the marker, the whole name where
 * the marker does not occur. Compared as strings, as Curator does.
 *
 * @param marker the name of the recipe's znodes without protection and number, e.g. `lock-`
 */
export function sequenceKey(name: string, marker: string): string {
  const at = name.lastIndexOf(marker);
  return at < 0 ? name : name.slice(at + marker.length);
}

/**
 * Whether the numbers of a directory are used up: the last one, 2147483647, is given again and again, and negative ones would go
 * first. Order means nothing there any more. ZOOKEEPER-4706
 *
 * @param key of a name that the server has given just now
 */
export function isUsedUp(key: string): boolean {
  return !/^\d{10}$/.test(key) || key === '2147483647';
}

/** The places among the names, in the order of the line, the one that came first in front. */
export function inSequence(names: readonly string[], marker: string): string[] {
  return inOrderOf(names, (name) => sequenceKey(name, marker));
}

/** The places among the names, in the order of their keys; of equal keys, which hardly any server gives, the lesser name goes first. */
export function inOrderOf(names: readonly string[], keyOf: (name: string) => string): string[] {
  return names
    .filter(isPlaceName)
    .map((name) => ({ name, key: keyOf(name) }))
    .sort((a, b) => compareText(a.key, b.key) || compareText(a.name, b.name))
    .map(({ name }) => name);
}

/**
 * Who stands directly before a name in the line: `null` when nobody does, `undefined` when the name itself is not in it.
 */
export function predecessorOf(own: string, names: readonly string[], marker: string): string | null | undefined {
  const nearest = nearestBefore(own, names, (name) => sequenceKey(name, marker));
  return nearest?.name ?? (nearest as null | undefined);
}

/** The nearest of those before somebody in a line. */
export interface Nearest {
  readonly name: string;
  /** Whether nobody else of those who count stands before. */
  readonly isOnlyOne: boolean;
}

/**
 * Who stands nearest before a name, of those who count: `null` when nobody does, `undefined` when the name itself is not there. Takes one
 * pass, since a line may be long and everybody in it asks. The order is that of `inOrderOf`.
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

/** By UTF-16 code units, as Java compares. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
