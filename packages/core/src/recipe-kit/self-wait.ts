import { AsyncLocalStorage } from 'node:async_hooks';
import { SelfWaitError } from '../errors.js';

/** A function of the caller that runs on behalf of a recipe, within others that called it. */
interface RunningFunction {
  readonly owner: object;
  readonly outer: RunningFunction | undefined;
  isRunning: boolean;
}

const context = new AsyncLocalStorage<RunningFunction | undefined>();

/** Runs a function of the caller on behalf of a recipe, so that `selfWait` knows what is called inside of it. */
export async function runOnBehalfOf<T>(owner: object, fn: () => Promise<T> | T): Promise<T> {
  const running: RunningFunction = { owner, outer: context.getStore(), isRunning: true };
  try {
    return await context.run(running, async () => await fn());
  } finally {
    running.isRunning = false;
  }
}

/**
 * Refuses to wait for the very function that waits.
 *
 * @param ending what was called, for the error
 * @returns a rejected promise if this is called inside of a function that runs on behalf of `owner`, else `null`. Nobody has to handle
 *   the rejection: to begin an ending there, and not to wait for it, is right
 */
export function selfWait(owner: object, ending: string): Promise<never> | null {
  for (let running = context.getStore(); running !== undefined; running = running.outer) {
    if (running.owner !== owner || !running.isRunning) continue;
    const refusal = Promise.reject(new SelfWaitError(ending));
    refusal.catch(() => {});
    return refusal;
  }
  return null;
}
