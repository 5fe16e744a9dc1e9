import { ClosedError, type Keeper, SessionExpiredError, type WatchedEvent } from '@zk-recipes/core';
import { Change, orNull, removeWatch } from '@zk-recipes/core/recipe-kit';
import { type LeaseLimit, readLimit } from './lease-limit.js';

/** How many leases there are and how many are taken, as it was found at the last look. */
export class Room {
  readonly #keeper: Keeper;
  readonly #directory: string;
  readonly #limit: LeaseLimit;
  #free = 0;

  /** @param directory of the leases */
  constructor(keeper: Keeper, directory: string, limit: LeaseLimit) {
    this.#keeper = keeper;
    this.#directory = directory;
    this.#limit = limit;
  }

  /** Whether so many leases were free. */
  hasRoomFor(permits: number): boolean {
    return permits <= this.#free;
  }

  /** Looks. @throws InvalidLeaseLimitError */
  async look(signal: AbortSignal | undefined, onChange?: (event: WatchedEvent) => void): Promise<void> {
    const [taken, limit] = await Promise.all([
      this.#countLeases(signal, onChange),
      readLimit(this.#keeper, this.#limit, onChange, signal),
    ]);
    this.#free = limit - taken;
  }

  /** Waits until so many leases are free. For the first in the line only: nobody else may take them meanwhile. */
  async until(permits: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const change = new Change();
      try {
        await this.look(signal, change.happened);
        if (this.hasRoomFor(permits)) return;
        const event = await change.orThrow(signal);
        if (event.type === 'None') throw event.state === 'Expired' ? new SessionExpiredError() : new ClosedError();
      } finally {
        // Of the two watches at most one has fired.
        removeWatch(this.#keeper, this.#directory, 'CHILDREN', change.happened);
        if (typeof this.#limit === 'object') removeWatch(this.#keeper, this.#limit.path, 'DATA', change.happened);
      }
    }
  }

  async #countLeases(signal: AbortSignal | undefined, onChange?: (event: WatchedEvent) => void): Promise<number> {
    const listing = this.#keeper.getChildren();
    const watched = onChange === undefined ? listing : listing.watching(onChange);
    // Nobody has ever held a lease, or the empty container was reaped.
    return (await orNull(watched.forPath(this.#directory, { signal })))?.length ?? 0;
  }
}
