import { ClosedError, type Keeper, SessionExpiredError, type WatchedEvent } from '@zk-recipes/core';
import { Change, orNull, removeWatch } from '@zk-recipes/core/recipe-kit';
import { type LeaseLimit, readLimit } from './lease-limit.js';

/** Number of leases and of free leases, as of the last look. */
export class Room {
  readonly #keeper: Keeper;
  readonly #directory: string;
  readonly #limit: LeaseLimit;
  #free = 0;

  /** @param directory directory of the leases */
  constructor(keeper: Keeper, directory: string, limit: LeaseLimit) {
    this.#keeper = keeper;
    this.#directory = directory;
    this.#limit = limit;
  }

  /** Returns whether at least this number of leases was free at the last look. */
  hasRoomFor(permits: number): boolean {
    return permits <= this.#free;
  }

  /**
   * Reads the limit and the number of leases.
   *
   * @throws {InvalidLeaseLimitError} when the shared count is missing or not a valid number
   */
  async look(signal: AbortSignal | undefined, onChange?: (event: WatchedEvent) => void): Promise<void> {
    const [taken, limit] = await Promise.all([
      this.#countLeases(signal, onChange),
      readLimit(this.#keeper, this.#limit, onChange, signal),
    ]);
    this.#free = limit - taken;
  }

  /** Waits until the permits are free. Only for the first contender in the line: no other contender may take leases meanwhile. */
  async until(permits: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const change = new Change();
      try {
        await this.look(signal, change.happened);
        if (this.hasRoomFor(permits)) return;
        const event = await change.orThrow(signal);
        if (event.type === 'None') throw event.state === 'Expired' ? new SessionExpiredError() : new ClosedError();
      } finally {
        // At most one of the two watches has fired.
        removeWatch(this.#keeper, this.#directory, 'CHILDREN', change.happened);
        if (typeof this.#limit === 'object') removeWatch(this.#keeper, this.#limit.path, 'DATA', change.happened);
      }
    }
  }

  async #countLeases(signal: AbortSignal | undefined, onChange?: (event: WatchedEvent) => void): Promise<number> {
    const listing = this.#keeper.getChildren();
    const watched = onChange === undefined ? listing : listing.watching(onChange);
    // The directory is missing if there never was a lease, or if the server has reaped the empty container.
    return (await orNull(watched.forPath(this.#directory, { signal })))?.length ?? 0;
  }
}
