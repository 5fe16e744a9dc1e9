import type { ConnectionState, Keeper, WatchedEvent, WatchHandle } from '@zk-recipes/core';
import { namesIn, systemClock } from '@zk-recipes/core/recipe-kit';

/** Hears of the children of a znode. Both may be told what is known already. */
export interface ChildrenListener {
  added(name: string): void;
  removed(name: string): void;
}

/**
 * Names of the children of a znode, kept up to date by a watch, whether it exists or not. The directory is listed once, and again
 * after each reconnect, when there may have been changes that nobody tells; not for every change.
 */
export class LiveChildren {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #listener: ChildrenListener;
  readonly #onFailure: (error: unknown) => void;
  readonly #names = new Set<string>();
  /** What was told since the list that is on its way was asked for; `null` while none is. */
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
   * Begins to follow the children, in this session. The watch is set and the list asked for in one write.
   *
   * @param onFailure told when the list cannot be read again after a reconnect: what is known may be out of date then
   * @throws what the watch and the list throw; the signal's reason
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
    // Both replies come together, unless the server was too busy for the watch, which is then asked for again: nobody has told of what came in between.
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

  /** Reads the list again, and resolves when that is done: after a reconnect, or when what is known was seen to be wrong. */
  async renew(signal?: AbortSignal | undefined): Promise<void> {
    this.#listing = this.#list(signal);
    // One that was asked for later, since there was a reconnect meanwhile, knows better.
    for (let listing = this.#listing; ; listing = this.#listing) {
      await listing;
      if (listing === this.#listing) return;
    }
  }

  /** Stops following; nobody is told anything any more. */
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
    // What was told before the list was made is in it; what was told after it is not, and comes last.
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
