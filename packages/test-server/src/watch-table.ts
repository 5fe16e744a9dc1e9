/** Modes of watches, as bits: a client may watch a path in several modes. */
export const WatchMode = { standard: 1, persistent: 2, recursive: 4 } as const;

/** Path as a client gave it. A watch on null is accepted, and never fires. */
export type WatchedPath = string | null;

/** Table of watches: for each path the watchers with their modes. */
export class WatchTable<W> {
  readonly #byPath: Map<WatchedPath, Map<W, number>> = new Map();
  readonly #byWatcher: Map<W, Set<WatchedPath>> = new Map();
  readonly #isSingleMode: boolean;
  /** Number of recursive watches. Without any, the ancestors of a path are not searched. */
  #recursiveCount = 0;

  /** @param isSingleMode whether the last mode replaces the others, as before 3.9 */
  constructor(isSingleMode: boolean) {
    this.#isSingleMode = isSingleMode;
  }

  /** Number of watches: pairs of path and watcher. */
  get size(): number {
    let size = 0;
    for (const watchers of this.#byPath.values()) size += watchers.size;
    return size;
  }

  /** Returns the watched paths with their watchers. */
  entries(): readonly (readonly [path: WatchedPath, watchers: readonly W[]])[] {
    return [...this.#byPath].map(([path, watchers]) => [path, [...watchers.keys()]]);
  }

  /** Returns the paths that a watcher watches. */
  pathsOf(watcher: W): readonly string[] {
    return [...(this.#byWatcher.get(watcher) ?? [])].filter((path) => path !== null);
  }

  /** Whether any recursive watch exists. */
  get hasRecursive(): boolean {
    return this.#recursiveCount > 0;
  }

  /** Returns the watchers that have at least one watch. */
  watchers(): Iterable<W> {
    return this.#byWatcher.keys();
  }

  /** Returns the modes in which a watcher watches a path; 0 for none. */
  modesOf(path: WatchedPath, watcher: W): number {
    return this.#byPath.get(path)?.get(watcher) ?? 0;
  }

  /** Whether the path has any watch. */
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
   * Removes some modes of a watch.
   *
   * @returns whether the watch had any of them
   */
  remove(path: WatchedPath, watcher: W, modes: number): boolean {
    const watchers = this.#byPath.get(path);
    const before = watchers?.get(watcher) ?? 0;
    if (watchers === undefined || (before & modes) === 0) return false;
    this.#set(path, watchers, watcher, before, before & ~modes);
    return true;
  }

  /** Removes all watches of a watcher. */
  forget(watcher: W): void {
    for (const path of [...(this.#byWatcher.get(watcher) ?? [])]) this.remove(path, watcher, -1);
  }

  /** Moves all watches of a watcher to another table. */
  move(watcher: W, to: WatchTable<W>): void {
    for (const path of [...(this.#byWatcher.get(watcher) ?? [])]) {
      to.add(path, watcher, this.modesOf(path, watcher));
      this.remove(path, watcher, -1);
    }
  }

  /**
   * Returns the watchers that receive an event, and removes standard watches.
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
