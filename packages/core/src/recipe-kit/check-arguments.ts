import { received, validatePath } from 'zookeeper-ts-client';
import { Keeper } from '../keeper.js';

/**
 * Checks the first two arguments of a recipe's constructor.
 *
 * @returns the `Keeper` for the recipe to work with, as `checkKeeper` does
 * @throws TypeError for what is no `Keeper`, or no path
 */
export function checkPlace(keeper: Keeper, path: string): Keeper {
  const unlimited = checkKeeper(keeper);
  validatePath(path);
  return unlimited;
}

/**
 * Checks that it is a `Keeper`.
 *
 * @returns the `Keeper` for the recipe to work with: `operationTimeoutMs` does not bound its operations. For a single request that waits
 *   for no other process, such as a listing that the user asks for, `limited` of it is the user's `Keeper`
 * @throws TypeError for what is no `Keeper`
 */
export function checkKeeper(keeper: Keeper): Keeper {
  if (!(keeper instanceof Keeper)) throw new TypeError(`Expected \`keeper\` to be a Keeper, got ${received(keeper)}`);
  return keeper.unlimited;
}

/** @throws TypeError for what is no function */
export function checkFunction(name: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Expected \`${name}\` to be a function, got ${received(fn)}`);
}
