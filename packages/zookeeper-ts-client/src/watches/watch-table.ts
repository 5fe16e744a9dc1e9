import { EventType } from '../protocol/watcher-event.js';

/** Kinds of watches in the client's table, in the order in which they are restored. */
export const WATCH_KINDS = ['data', 'exist', 'child', 'persistent', 'recursive'] as const;

/** Kind of a watch in the client's table. */
export type WatchKind = (typeof WATCH_KINDS)[number];

/**
 * Table of watchers by kind and server path. Pure.
 *
 * The table holds a watcher once for each path and kind, even if the watcher was set several times. One event of the server reaches
 * all watchers of a path.
 * @see org.apache.zookeeper.ZKWatchManager
 */
export class WatchTable<Watcher> {
  readonly #tables: Readonly<Record<WatchKind, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.#tables[kind];
    const watchers = table.get(path);
    if (watchers === undefined) table.set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  has(kind: WatchKind, path: string): boolean {
    return this.#tables[kind].has(path);
  }

  /** Lists all watched paths of a kind. */
  paths(kind: WatchKind): Iterable<string> {
    return this.#tables[kind].keys();
  }

  /** Removes one watcher, or all watchers of the path if `watcher` is not given. Returns the removed watchers. */
  remove(kind: WatchKind, path: string, watcher?: Watcher): readonly Watcher[] {
    const table = this.#tables[kind];
    const watchers = table.get(path);
    if (watchers === undefined) return [];
    const removed = watcher === undefined ? [...watchers] : watchers.has(watcher) ? [watcher] : [];
    for (const one of removed) watchers.delete(one);
    if (watchers.size === 0) table.delete(path);
    return removed;
  }

  /**
   * Returns each watcher that an event concerns, once, and removes the one-shot watches among them. An unknown event type concerns no
   * watcher.
   */
  fire(type: number, path: string): ReadonlySet<Watcher> {
    const concerned = new Set<Watcher>();
    const take = (kind: WatchKind): void => {
      const watchers = this.#tables[kind].get(path);
      if (watchers === undefined) return;
      for (const watcher of watchers) concerned.add(watcher);
      if (kind !== 'persistent') this.#tables[kind].delete(path);
    };
    switch (type) {
      case EventType.NodeChildrenChanged:
        take('child');
        take('persistent');
        break;
      case EventType.NodeCreated:
      case EventType.NodeDataChanged:
      case EventType.NodeDeleted:
        take('data');
        take('exist');
        if (type === EventType.NodeDeleted) take('child');
        take('persistent');
        this.#collectRecursive(path, concerned);
        break;
    }
    return concerned;
  }

  #collectRecursive(path: string, concerned: Set<Watcher>): void {
    const table = this.#tables.recursive;
    if (table.size === 0) return;
    for (let ancestor = path; ; ancestor = ancestor.slice(0, Math.max(1, ancestor.lastIndexOf('/')))) {
      for (const watcher of table.get(ancestor) ?? []) concerned.add(watcher);
      if (ancestor.length <= 1) return;
    }
  }

  /** Empties the table and returns each watcher once. */
  clear(): ReadonlySet<Watcher> {
    const all = new Set<Watcher>();
    for (const kind of WATCH_KINDS) {
      for (const watchers of this.#tables[kind].values()) for (const watcher of watchers) all.add(watcher);
      this.#tables[kind].clear();
    }
    return all;
  }
}
