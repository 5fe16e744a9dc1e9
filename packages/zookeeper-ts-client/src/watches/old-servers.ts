import { RequestRejectedError } from '../errors/errors.js';
import type { WatchKind, WatchTable } from './watch-table.js';
import { ANY_ON_WIRE, typeTraits, type WatcherType } from './watcher-type.js';

/*
 * What servers do with watches that a client has to reckon with. All that follows from it is decided in this file. Pure.
 *
 * | servers    | what they do                                                         | what the client does                                         |
 * |------------|----------------------------------------------------------------------|--------------------------------------------------------------|
 * | before 3.6 | know no persistent watches: `setWatches2` is answered UNIMPLEMENTED  | tells their watchers that they end (`Restoring`)             |
 * | before 3.9 | keep one mode for a path and connection: a one-shot watch takes the  | a read asks for no watch where a persistent one tells of the |
 * |            | place of a persistent one                                            | same (`mustAskServer`)                                       |
 * | before 3.9 | a recursive watch takes the place of the one for children, and tells | sets the one for children again behind it                    |
 * |            | nothing of children lists                                            | (`isHiddenByRecursive`)                                      |
 * | before 3.9 | refuse to remove persistent watches by their own type                | removes all watches of the path, and sets again what is      |
 * |            |                                                                      | still wanted (`removalAfterRefusal`)                         |
 * | before 3.9 | remove half of a persistent watch with a one-shot one                | leaves the one-shot one on the server, where it fires once   |
 * |            |                                                                      | and harms nothing (`mayRemove`)                              |
 */

/** Whether a read has to ask the server for its one-shot watch. @param isSet whether there is such a watch, or its request is on the wire */
export function mustAskServer(kind: 'data' | 'child', isSet: (kind: WatchKind) => boolean): boolean {
  return !isSet('persistent') && (kind === 'child' || !isSet('recursive'));
}

/** Whether a recursive watch of the path keeps a watch of the kind from hearing anything. */
export function isHiddenByRecursive(table: WatchTable<unknown>, kind: WatchKind, path: string): boolean {
  return kind === 'child' && table.has('recursive', path) && table.has('child', path);
}

/** Whether watches of a type that nobody here wants any more may be removed from the server. */
export function mayRemove(table: WatchTable<unknown>, type: WatcherType, path: string): boolean {
  const isWanted = typeTraits[type].kinds.some((kind) => table.has(kind, path));
  const hasPersistent = table.has('persistent', path) || table.has('recursive', path);
  return !isWanted && !(hasPersistent && typeTraits[type].isOneShot);
}

/** What to ask of a server that has refused a removal, before what is still wanted is set again; `null` for nothing. */
export function removalAfterRefusal(type: WatcherType, error: unknown): typeof ANY_ON_WIRE | null {
  return error instanceof RequestRejectedError && typeTraits[type].isPersistent ? ANY_ON_WIRE : null;
}
