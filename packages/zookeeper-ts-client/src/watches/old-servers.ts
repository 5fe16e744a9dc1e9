import { RequestRejectedError } from '../errors/errors.js';
import type { WatchKind, WatchTable } from './watch-table.js';
import { ANY_ON_WIRE, typeTraits, type WatcherType } from './watcher-type.js';

/*
 * Behaviour of older servers that affects watches. This file contains every decision that follows from that behaviour. Pure.
 *
 * | servers    | behaviour of the server                                              | reaction of the client                                       |
 * |------------|----------------------------------------------------------------------|--------------------------------------------------------------|
 * | before 3.6 | know no persistent watches: `setWatches2` is answered UNIMPLEMENTED  | tells the watchers that they end (`Restoring`)               |
 * | before 3.9 | keep one mode for a path and connection: a one-shot watch replaces   | a read does not ask for a watch when a persistent watch      |
 * |            | a persistent watch                                                   | reports the same changes (`mustAskServer`)                   |
 * | before 3.9 | a recursive watch replaces the child watch of its path, and reports  | sets the child watch again after the recursive watch         |
 * |            | no changes of children lists                                         | (`isHiddenByRecursive`)                                      |
 * | before 3.9 | refuse to remove persistent watches by their own type                | removes all watches of the path, and sets the watches again  |
 * |            |                                                                      | that are still wanted (`removalAfterRefusal`)                |
 * | before 3.9 | remove half of a persistent watch together with a one-shot watch     | leaves the one-shot watch on the server, where it fires once |
 * |            |                                                                      | without effect (`mayRemove`)                                 |
 */

/**
 * Whether a read must ask the server for its one-shot watch.
 *
 * @param isSet returns whether a watch of the kind exists, or its request is on the wire
 */
export function mustAskServer(kind: 'data' | 'child', isSet: (kind: WatchKind) => boolean): boolean {
  return !isSet('persistent') && (kind === 'child' || !isSet('recursive'));
}

/** Whether a recursive watch of the path hides the watch of this kind from its events. */
export function isHiddenByRecursive(table: WatchTable<unknown>, kind: WatchKind, path: string): boolean {
  return kind === 'child' && table.has('recursive', path) && table.has('child', path);
}

/** Whether watches of a type that this client no longer wants may be removed from the server. */
export function mayRemove(table: WatchTable<unknown>, type: WatcherType, path: string): boolean {
  const isWanted = typeTraits[type].kinds.some((kind) => table.has(kind, path));
  const hasPersistent = table.has('persistent', path) || table.has('recursive', path);
  return !isWanted && !(hasPersistent && typeTraits[type].isOneShot);
}

/**
 * Returns the wire type to remove after a server has refused a removal; `null` for none. The caller sends this removal before it sets
 * the wanted watches again.
 */
export function removalAfterRefusal(type: WatcherType, error: unknown): typeof ANY_ON_WIRE | null {
  return error instanceof RequestRejectedError && typeTraits[type].isPersistent ? ANY_ON_WIRE : null;
}
