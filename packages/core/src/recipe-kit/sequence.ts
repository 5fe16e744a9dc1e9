/**
 * What the server's numbers say about who came first. Pure.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Locks"; Curator's `LockInternalsSorter`
 */

/**
 * The part of a name by which a line is ordered: all that follows the last occurrence of the marker, the whole name where
 * the marker does not occur. Compared as strings, as Curator does: foreign names stand in the line like any other.
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

/** The names in the order of the line, the one who came first in front. Equal keys keep their order. */
export function inSequence(names: readonly string[], marker: string): string[] {
  return names
    .map((name) => ({ name, key: sequenceKey(name, marker) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ name }) => name);
}

/**
 * Who stands directly before a name in the line: `null` when nobody does, `undefined` when the name itself is not in it.
 * Takes one pass, since a line may be long and everybody in it asks.
 */
export function predecessorOf(own: string, names: readonly string[], marker: string): string | null | undefined {
  const ownKey = sequenceKey(own, marker);
  let present = false;
  let nearest: { readonly name: string; readonly key: string } | null = null;
  for (const name of names) {
    if (name === own) {
      present = true;
      continue;
    }
    const key = sequenceKey(name, marker);
    // Of equal keys, which no server gives, the lesser name goes first, so that not both of them do.
    if (key > ownKey || (key === ownKey && name > own)) continue;
    if (nearest === null || key > nearest.key || (key === nearest.key && name > nearest.name)) nearest = { name, key };
  }
  return present ? (nearest?.name ?? null) : undefined;
}
