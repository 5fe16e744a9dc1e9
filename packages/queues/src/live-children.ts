import type { ConnectionState, Keeper, WatchedEvent, WatchHandle } from '@zk-recipes/core';
import { namesIn, systemClock } from '@zk-recipes/core/recipe-kit';

/** Listener for the children of a znode. Both methods may be called with known facts. */
export interface ChildrenListener {
  added(name: string): void;
  removed(name: string): void;
}

/**
 * Names of the children of a znode, kept up to date by a watch, whether or not the znode exists. The directory is listed once, and again
 * after each reconnect, because changes during a disconnection may not be reported. A change does not cause a new list.
 */
export class LiveChildren {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #listener: ChildrenListener;
  readonly #onFailure: (error: unknown) => void;
  readonly #names = new Set<string>();
  /** Changes reported since the pending list was requested; `null` while no list is pending. */
  #told: [name: string, isThere: boolean][] | null = null;
  #listing: Promise<void> | null = null;
  #watch: WatchHandle | null = null;
  #isClosed = false;

  private constructor(keeper: Keeper, path: string, listener: ChildrenListener, onFailure: (error: unknown) => void) {
    this.#keeper = keeper;
    this.#path = path;
    this.#listener = listener;
    this.#onFailure = onFailure;
  }

  /**
   * Begins to follow the children in this session. The watch and the list are requested in one write.
   *
   * @param onFailure called when the list cannot be read again after a reconnect: then the known children may be out of date
   * @throws the errors of the watch and the list; the signal's reason
   */
  static async open(
    keeper: Keeper,
    path: string,
    listener: ChildrenListener,
    { signal, onFailure }: { readonly signal: AbortSignal; readonly onFailure: (error: unknown) => void },
  ): Promise<LiveChildren> {
    const children = new LiveChildren(keeper, path, listener, onFailure);
    keeper.on('state', children.#onState);
    let isWatched = false;
    const watching = keeper.watch().forPath(path, children.#onEvent, { signal });
    const watched = watching.then(() => {
      isWatched = true;
    });
    // Both replies arrive together, unless the server was too busy for the watch. Then the watch is requested again, and changes in between
    // were not reported.
    const listing = children
      .renew(signal)
      .then(() => new Promise<boolean>((resolve) => systemClock.afterIo(() => resolve(isWatched))));
    const [watch, list] = await Promise.allSettled([watching, listing, watched]);
    if (watch.status === 'fulfilled') children.#watch = watch.value;
    try {
      if (watch.status === 'rejected') throw watch.reason;
      if (list.status === 'rejected') throw list.reason;
      if (!list.value) await children.renew(signal);
      return children;
    } catch (error) {
      children.close();
      throw error;
    }
  }

  /** Reads the list again, and resolves when that is done. Called after a reconnect, or when a known fact turned out to be wrong. */
  async renew(signal?: AbortSignal | undefined): Promise<void> {
    this.#listing = this.#list(signal);
    // A reconnect meanwhile starts a later list, which is more recent.
    for (let listing = this.#listing; ; listing = this.#listing) {
      await listing;
      if (listing === this.#listing) return;
    }
  }

  /** Stops following. The listener receives no more calls. */
  close(): void {
    this.#isClosed = true;
    this.#keeper.off('state', this.#onState);
    const report = (error: unknown): void =>
      this.#keeper.reportBackgroundError(error, 'removal of a watch', this.#path);
    this.#watch?.remove().catch(report);
  }

  async #list(signal: AbortSignal | undefined): Promise<void> {
    const told: [string, boolean][] = [];
    this.#told = told;
    const listed = new Set(await namesIn(this.#keeper, this.#path, { signal }));
    if (this.#told !== told) return;
    this.#told = null;
    // The list contains every change reported before it was made. Later changes are not in the list, and are applied last.
    for (const [name, isThere] of told) {
      if (isThere) listed.add(name);
      else listed.delete(name);
    }
    for (const name of [...this.#names]) if (!listed.has(name)) this.#set(name, false);
    for (const name of listed) this.#set(name, true);
  }

  readonly #onEvent = ({ type, path }: WatchedEvent): void => {
    if (path === null || (type !== 'NodeCreated' && type !== 'NodeDeleted')) return;
    const name = path.slice(this.#path.length + 1);
    if (name === '' || name.includes('/') || !path.startsWith(this.#path)) return;
    const isThere = type === 'NodeCreated';
    this.#told?.push([name, isThere]);
    this.#set(name, isThere);
  };

  #set(name: string, isThere: boolean): void {
    if (this.#isClosed || this.#names.has(name) === isThere) return;
    if (isThere) {
      this.#names.add(name);
      this.#listener.added(name);
    } else {
      this.#names.delete(name);
      this.#listener.removed(name);
    }
  }

  readonly #onState = (state: ConnectionState): void => {
    if (state === 'RECONNECTED') this.renew().catch((error: unknown) => this.#isClosed || this.#onFailure(error));
  };
}
