import { systemClock } from './clock.js';
import type { RequestSignal } from './request-signal.js';

/** The functions to call when one signal aborts. */
class Followers {
  readonly #all = new Set<() => void>();
  #hasAborted = false;

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  add(follower: () => void): void {
    // A signal aborts only once. Like a listener that is added to an `EventTarget` during the event, a late follower is not called.
    if (!this.#hasAborted) this.#all.add(follower);
  }

  delete(follower: () => void): boolean {
    return this.#all.delete(follower);
  }

  readonly onAbort = (): void => {
    this.#hasAborted = true;
    for (const follower of this.#all) {
      try {
        follower();
      } catch (error) {
        // As with a listener of an `EventTarget`, the error becomes an uncaught exception, and the other followers still run.
        systemClock.afterTick(() => {
          throw error;
        });
      }
    }
    this.#all.clear();
  };
}

const followersOf = new WeakMap<RequestSignal, Followers>();

/**
 * Calls a function when a signal aborts. An `AbortSignal` has a single listener for any number of followers: an `EventTarget` searches all
 * of its listeners to add or to remove a listener, and Node warns of more than ten. The followers are called in the order in which they
 * were added. A follower that throws does not keep the signal from the other followers.
 *
 * @param signal a signal that has aborted calls no follower any more; `undefined` for no signal
 * @param follower called once at most; a second call of `follow` with the same function changes nothing
 */
export function follow(signal: RequestSignal | undefined, follower: () => void): void {
  if (signal === undefined) return;
  if (!isAbortSignal(signal)) {
    signal.addEventListener('abort', follower, { once: true });
    return;
  }
  let followers = followersOf.get(signal);
  if (followers === undefined) {
    followers = new Followers();
    followersOf.set(signal, followers);
  }
  if (followers.isEmpty) signal.addEventListener('abort', followers.onAbort, { once: true });
  followers.add(follower);
}

/** Removes a follower. When the last follower is removed, the listener of the signal is removed too. */
export function unfollow(signal: RequestSignal | undefined, follower: () => void): void {
  if (signal === undefined) return;
  if (!isAbortSignal(signal)) {
    signal.removeEventListener('abort', follower);
    return;
  }
  const followers = followersOf.get(signal);
  if (followers?.delete(follower) && followers.isEmpty) signal.removeEventListener('abort', followers.onAbort);
}

/** Returns whether a signal is an `AbortSignal` of any realm or library; any other signal keeps its listeners itself. */
function isAbortSignal(signal: RequestSignal): boolean {
  return 'onabort' in signal;
}
