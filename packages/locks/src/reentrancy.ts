import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold, Keeper } from '@zk-recipes/core';
import { realPath } from '@zk-recipes/core/recipe-kit';
import type { Entrances } from './entrances.js';

/** Where a lock is. */
export interface LockPlace {
  readonly keeper: Keeper;
  readonly path: string;
}

/** A lock that an async context is inside of: it runs in the lock's `run`. */
export interface Inside {
  readonly place: LockPlace;
  /** By which it is held and entered again; of a lock that is held together with others the hold of all, and no entrance. */
  readonly held: Entrances | { readonly hold: Hold };
}

interface Layer extends Inside {
  readonly outer: Layer | undefined;
}

const context = new AsyncLocalStorage<Layer | undefined>();

/** Runs a function inside of locks, for all that it calls and awaits. */
export function runInside<T>(locks: readonly Inside[], fn: () => T): T {
  const inside = locks.reduce<Layer | undefined>((outer, lock) => ({ ...lock, outer }), context.getStore());
  return context.run(inside, fn);
}

/** The lock at a place, in whichever way it was taken, that the present context is inside of and that is held still. */
export function insideOf(place: LockPlace): Inside | undefined {
  for (let layer = context.getStore(); layer !== undefined; layer = layer.outer) {
    if (isSameLock(layer.place, place) && layer.held.hold.state === 'held') return layer;
  }
  return undefined;
}

/** Whether two places are one directory of one connection, however namespaces cut its path. */
function isSameLock(one: LockPlace, other: LockPlace): boolean {
  // A `Keeper` has one root, whatever namespaces it was given.
  const isOneConnection = one.keeper.usingNamespace('') === other.keeper.usingNamespace('');
  return isOneConnection && realPath(one.keeper, one.path) === realPath(other.keeper, other.path);
}
