import { follow, unfollow, type WatchedEvent } from 'zookeeper-ts-client';
import { beyondSession } from '../execution/session-end.js';

/**
 * Latch for one event of a watch. The caller passes `happened` as the listener, then awaits the event. The latch loses no event that
 * comes before the wait.
 */
export class Change {
  /** Records the event. Further calls have no effect. */
  readonly happened: (event: WatchedEvent) => void;
  readonly #promise: Promise<WatchedEvent>;

  constructor() {
    let resolve: (event: WatchedEvent) => void = () => {};
    this.#promise = new Promise((settle) => {
      resolve = settle;
    });
    this.happened = resolve;
  }

  /** Resolves with the event. Rejects with the signal's reason when that aborts first. */
  async orThrow(signal: AbortSignal | undefined): Promise<WatchedEvent> {
    const event = await this.orAbort(signal);
    if (event === null) throw signal?.reason;
    return event;
  }

  /** Resolves with the event, or with `null` if the signal aborts first. */
  orAbort(ending: AbortSignal | undefined): Promise<WatchedEvent | null> {
    if (ending?.aborted) return Promise.resolve(null);
    const signal = beyondSession(ending);
    if (signal === undefined) return this.#promise;
    return new Promise((resolve) => {
      const onAbort = (): void => resolve(null);
      follow(signal, onAbort);
      void this.#promise.then((event) => {
        unfollow(signal, onAbort);
        resolve(event);
      });
    });
  }
}
