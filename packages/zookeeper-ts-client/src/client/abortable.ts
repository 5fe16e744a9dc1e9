import type { RequestSignal } from '../session/request-signal.js';
import { follow, unfollow } from '../session/signal-followers.js';

/**
 * Returns a promise with the result of `promise`, which rejects with the signal's reason if the signal aborts first. The work behind
 * `promise` continues.
 */
export function abortable<T>(promise: Promise<T>, signal: RequestSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else follow(signal, onAbort);
    promise.then(resolve, reject).finally(() => unfollow(signal, onAbort));
  });
}
