import { validatePath } from 'zookeeper-ts-client';
import { Keeper } from '../keeper.js';

/** @throws TypeError for what is no `Keeper`, or no path */
export function checkPlace(keeper: Keeper, path: string): void {
  checkKeeper(keeper);
  validatePath(path);
}

/** @throws TypeError for what is no `Keeper` */
export function checkKeeper(keeper: Keeper): void {
  if (!(keeper instanceof Keeper)) throw new TypeError('Expected `keeper` to be a Keeper');
}

/** @throws TypeError for what is no function */
export function checkFunction(name: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Expected \`${name}\` to be a function, got ${typeof fn}`);
}
