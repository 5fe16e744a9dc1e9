import { Keeper, validatePath } from '@zk-recipes/core';
import { checkOptions, z } from '@zk-recipes/core/recipe-kit';

/** How to wait. */
export interface WaitOptions {
  /** Gives up: rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const waitSchema = z.strictObject({ signal: z.instanceof(AbortSignal).optional() });

/** @throws TypeError for what is none */
export function checkWait(where: string, options: unknown): void {
  checkOptions(where, waitSchema, options);
}

/** @throws TypeError for a wrong argument, which it names */
export function checkPlace(keeper: Keeper, path: string): void {
  if (!(keeper instanceof Keeper)) throw new TypeError('Expected `keeper` to be a Keeper');
  validatePath(path);
}

/** @throws TypeError if it is none */
export function checkFunction(fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Expected \`fn\` to be a function, got ${typeof fn}`);
}
