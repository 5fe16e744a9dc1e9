import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold, Keeper } from '@zk-recipes/core';
import { realPath } from '@zk-recipes/core/recipe-kit';
import type { Entrances } from './entrances.js';

/** Location of a lock. */
export interface LockPlace {
  readonly keeper: Keeper;
  readonly path: string;
}

/** Lock whose `run` the current async context runs in. */
export interface Inside {
  readonly place: LockPlace;
  /** The hold to re-enter, or the `MultiLock`'s hold when this lock is held as part of one. */
  readonly held: Entrances | { readonly hold: Hold };
}

interface Layer extends Inside {
  readonly outer: Layer | undefined;
}

const context = new AsyncLocalStorage<Layer | undefined>();

/** Runs a function inside locks. The locks apply to everything that the function calls and awaits. */
export function runInside<T>(locks: readonly Inside[], fn: () => T): T {
  const inside = locks.reduce<Layer | undefined>((outer, lock) => ({ ...lock, outer }), context.getStore());
  return context.run(inside, fn);
}

/** Returns the lock at a location, in any mode, that the current context is inside of and that is still held. */
export function insideOf(place: LockPlace): Inside | undefined {
  for (let layer = context.getStore(); layer !== undefined; layer = layer.outer) {
    if (isSameLock(layer.place, place) && layer.held.hold.state === 'held') return layer;
  }
  return undefined;
}

/** Returns whether two locations are the same directory of one connection, whatever namespaces they use. */
function isSameLock(one: LockPlace, other: LockPlace): boolean {
  // A connection has one `Keeper` for the root, whatever namespaces its other Keepers have.
  const isOneConnection = one.keeper.usingNamespace('') === other.keeper.usingNamespace('');
  return isOneConnection && realPath(one.keeper, one.path) === realPath(other.keeper, other.path);
}
