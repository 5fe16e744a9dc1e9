import { follow, unfollow, type WatchedEvent } from 'zookeeper-ts-client';
import { beyondSession } from '../execution/session-end.js';

/** Something that happens once, for one who waits: set `happened` as a watch, then await it. Loses no event in between. */
export class Change {
  /** To be called when it happens. Further calls change nothing. */
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

  /** Resolves with the event, or with `null` when the signal aborts first. */
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
