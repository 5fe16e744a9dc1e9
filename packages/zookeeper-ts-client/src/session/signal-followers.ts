import { systemClock } from './clock.js';
import type { RequestSignal } from './request-signal.js';

/** The functions that one signal calls when it aborts. */
class Followers {
  readonly #all = new Set<() => void>();
  #hasAborted = false;

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  add(follower: () => void): void {
    // A signal aborts once, as an `EventTarget` a follower that comes during the abort is not called.
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
        // As a listener of an `EventTarget`: an uncaught exception, which does not keep the signal from the others.
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
 * Calls a function when a signal aborts. However many follow one signal, it has a single listener: an `EventTarget` looks through all of its
 * listeners to add or to remove one, and warns of more than ten. Followers are called in the order in which they came; a follower that
 * throws keeps the signal from no other.
 *
 * @param signal one that has aborted calls nobody any more; `undefined` for none
 * @param follower called once at most; a second call with the same function changes nothing
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

/** Ends what `follow` has begun. The last follower to leave takes the listener of the signal along. */
export function unfollow(signal: RequestSignal | undefined, follower: () => void): void {
  if (signal === undefined) return;
  if (!isAbortSignal(signal)) {
    signal.removeEventListener('abort', follower);
    return;
  }
  const followers = followersOf.get(signal);
  if (followers?.delete(follower) && followers.isEmpty) signal.removeEventListener('abort', followers.onAbort);
}

/** Whether it is an `AbortSignal`, of whichever realm or library; any other signal keeps its listeners by itself. */
function isAbortSignal(signal: RequestSignal): boolean {
  return 'onabort' in signal;
}
