import { follow, unfollow } from '@zk-recipes/core/recipe-kit';

/**
 * Waits for work that continues whether or not the caller waits for it.
 *
 * @throws the error of the promise; the signal's reason
 */
export function orAborted<R>(promise: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    follow(signal, onAbort);
    promise.then(resolve, reject).finally(() => unfollow(signal, onAbort));
  });
}
