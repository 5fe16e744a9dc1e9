/** Ways to watch, as bits: one client may watch one path in several. */
export const WatchMode = { standard: 1, persistent: 2, recursive: 4 } as const;

/** A path as a client gave it. A watch on null is taken, and nothing ever happens to it. */
export type WatchedPath = string | null;

/** Who watches what: for each path the watchers with their modes. */
export class WatchTable<W> {
  readonly #byPath: Map<WatchedPath, Map<W, number>> = new Map();
  readonly #byWatcher: Map<W, Set<WatchedPath>> = new Map();
  readonly #isSingleMode: boolean;
  /** Number of recursive watches: without any, nobody looks at the ancestors of a path. */
  #recursiveCount = 0;

  /** @param isSingleMode whether the last mode replaces the others, as it did before 3.9 */
  constructor(isSingleMode: boolean) {
    this.#isSingleMode = isSingleMode;
  }

  /** Number of watches: pairs of path and watcher. */
  get size(): number {
    let size = 0;
    for (const watchers of this.#byPath.values()) size += watchers.size;
    return size;
  }

  /** The paths that somebody watches, and who. */
  entries(): readonly (readonly [path: WatchedPath, watchers: readonly W[]])[] {
    return [...this.#byPath].map(([path, watchers]) => [path, [...watchers.keys()]]);
  }

  /** Paths that a watcher watches. */
  pathsOf(watcher: W): readonly string[] {
    return [...(this.#byWatcher.get(watcher) ?? [])].filter((path) => path !== null);
  }

  /** Whether there is any recursive watch. */
  get hasRecursive(): boolean {
    return this.#recursiveCount > 0;
  }

  /** Watchers that watch something. */
  watchers(): Iterable<W> {
    return this.#byWatcher.keys();
  }

  /** The modes in which a watcher watches a path; 0 for none. */
  modesOf(path: WatchedPath, watcher: W): number {
    return this.#byPath.get(path)?.get(watcher) ?? 0;
  }

  /** Whether anybody watches this path. */
  isWatched(path: string): boolean {
    return this.#byPath.has(path);
  }

  add(path: WatchedPath, watcher: W, mode: number): void {
    const watchers = this.#byPath.get(path) ?? new Map<W, number>();
    this.#byPath.set(path, watchers);
    const before = watchers.get(watcher) ?? 0;
    this.#set(path, watchers, watcher, before, this.#isSingleMode ? mode : before | mode);
  }

  /**
   * Ends a watch in some modes.
   *
   * @returns whether there was any of them
   */
  remove(path: WatchedPath, watcher: W, modes: number): boolean {
    const watchers = this.#byPath.get(path);
    const before = watchers?.get(watcher) ?? 0;
    if (watchers === undefined || (before & modes) === 0) return false;
    this.#set(path, watchers, watcher, before, before & ~modes);
    return true;
  }

  /** Ends all watches of a watcher. */
  forget(watcher: W): void {
    for (const path of [...(this.#byWatcher.get(watcher) ?? [])]) this.remove(path, watcher, -1);
  }

  /** Gives all watches of a watcher to another table. */
  move(watcher: W, to: WatchTable<W>): void {
    for (const path of [...(this.#byWatcher.get(watcher) ?? [])]) {
      to.add(path, watcher, this.modesOf(path, watcher));
      this.remove(path, watcher, -1);
    }
  }

  /**
   * Finds who is to be told of an event, and uses up standard watches.
   *
   * @param withAncestors whether recursive watches of the path and its ancestors count
   */
  trigger(path: string, withAncestors: boolean): ReadonlySet<W> | null {
    if (this.#byPath.size === 0) return null;
    const told = new Set<W>();
    const watchers = this.#byPath.get(path);
    if (watchers !== undefined) {
      for (const [watcher, modes] of [...watchers]) {
        if ((modes & (WatchMode.standard | WatchMode.persistent)) !== 0 || withAncestors) told.add(watcher);
        if ((modes & WatchMode.standard) !== 0) {
          this.#set(path, watchers, watcher, modes, modes & ~WatchMode.standard);
        }
      }
    }
    if (withAncestors && this.#recursiveCount > 0) this.#addRecursive(path, told);
    return told.size === 0 ? null : told;
  }

  #addRecursive(path: string, told: Set<W>): void {
    for (let at = path; at !== '/'; ) {
      at = at.slice(0, Math.max(1, at.lastIndexOf('/')));
      for (const [watcher, modes] of this.#byPath.get(at) ?? []) {
        if ((modes & WatchMode.recursive) !== 0) told.add(watcher);
      }
    }
  }

  #set(path: WatchedPath, watchers: Map<W, number>, watcher: W, before: number, modes: number): void {
    this.#recursiveCount += ((modes & WatchMode.recursive) - (before & WatchMode.recursive)) / WatchMode.recursive;
    if (modes !== 0) {
      watchers.set(watcher, modes);
      const paths = this.#byWatcher.get(watcher);
      if (paths === undefined) this.#byWatcher.set(watcher, new Set([path]));
      else paths.add(path);
      return;
    }
    watchers.delete(watcher);
    if (watchers.size === 0) this.#byPath.delete(path);
    const paths = this.#byWatcher.get(watcher);
    paths?.delete(path);
    if (paths?.size === 0) this.#byWatcher.delete(watcher);
  }
}
