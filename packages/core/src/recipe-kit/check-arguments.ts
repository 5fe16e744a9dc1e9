import { received, validatePath } from 'zookeeper-ts-client';
import { Keeper } from '../keeper.js';

/**
 * Checks the first two arguments of a recipe's constructor.
 *
 * @returns `Keeper` for the recipe to work with, as `checkKeeper` returns it
 * @throws {TypeError} when `keeper` is not a `Keeper`, or `path` is not a path
 */
export function checkPlace(keeper: Keeper, path: string): Keeper {
  const unlimited = checkKeeper(keeper);
  validatePath(path);
  return unlimited;
}

/**
 * Checks that a value is a `Keeper`.
 *
 * @returns `Keeper` for the recipe to work with: `operationTimeoutMs` does not limit its operations. For a single request that waits for
 *   no other process, such as a list that the user asks for, use its `limited`
 * @throws {TypeError} when the value is not a `Keeper`
 */
export function checkKeeper(keeper: Keeper): Keeper {
  if (!(keeper instanceof Keeper)) throw new TypeError(`Expected \`keeper\` to be a Keeper, got ${received(keeper)}`);
  return keeper.unlimited;
}

/** @throws {TypeError} when the value is not a function */
export function checkFunction(name: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Expected \`${name}\` to be a function, got ${received(fn)}`);
}
