import { EventType, MarshallingError } from 'zookeeper-ts-client/protocol';
import type { Acl } from './access-control.js';
import type { Change } from './transaction.js';
import { type WatchedPath, WatchMode, WatchTable } from './watch-table.js';

/** Somebody who watches: a connection. */
export interface Watcher {
  /** The session that it belongs to, for reports. */
  readonly sessionId: bigint;
  /**
   * Tells it of an event.
   *
   * @param acl of the znode, of which it needs READ to be told; `null` when that has been seen to
   * @param zxid of the transaction; -1 for what happened before
   */
  notify(type: number, path: string, acl: readonly Acl[] | null, zxid: bigint): void;
}

/** Kinds of watches that clients can ask to remove. @see org.apache.zookeeper.Watcher.WatcherType */
const WatcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
const ANY_MODE = -1;

/** The two tables of watches, and what fires them. Watches belong to connections, not to sessions. */
export class WatchManager {
  readonly #data: WatchTable<Watcher>;
  readonly #child: WatchTable<Watcher>;
  readonly #isCompat38: boolean;
  /** Number of events sent so far. */
  firedCount = 0;
  /** For each type of event, how many watches it has hit. */
  readonly #hits: Map<number, number> = new Map();

  /** @param isCompat38 whether to behave like 3.8: one mode a path, persistent watches hit by removals of others */
  constructor(isCompat38: boolean) {
    this.#isCompat38 = isCompat38;
    this.#data = new WatchTable(isCompat38);
    this.#child = new WatchTable(isCompat38);
  }

  watchData(path: string, watcher: Watcher): void {
    this.#data.add(path, watcher, WatchMode.standard);
  }

  watchChildren(path: string, watcher: Watcher): void {
    this.#child.add(path, watcher, WatchMode.standard);
  }

  /** Registers a watch that stays when it fires. */
  watchPersistently(path: WatchedPath, watcher: Watcher, isRecursive: boolean): void {
    const mode = isRecursive ? WatchMode.recursive : WatchMode.persistent;
    if (!isRecursive || this.#isCompat38) this.#child.add(path, watcher, mode);
    this.#data.add(path, watcher, mode);
  }

  /** Whether a number is a kind of watch that can be checked and removed. */
  isWatcherType(type: number): boolean {
    return type >= WatcherType.children && type <= (this.#isCompat38 ? WatcherType.any : 5);
  }

  /** Whether a watcher has a watch of this kind. Before 3.9, somebody else's was as good. */
  has(path: WatchedPath, watcher: Watcher, type: number): boolean {
    if (this.#isCompat38) {
      const isWatched = (table: WatchTable<Watcher>) => isWatchedAsBefore39(table, path, watcher);
      return (
        (type !== WatcherType.data && isWatched(this.#child)) ||
        (type !== WatcherType.children && isWatched(this.#data))
      );
    }
    return this.#targets(type).some(([table, modes]) => (table.modesOf(path, watcher) & modes) !== 0);
  }

  /**
   * Ends the watches of this kind.
   *
   * @returns whether there were any
   */
  remove(path: WatchedPath, watcher: Watcher, type: number): boolean {
    const removed = this.#targets(type).map(([table, modes]) => table.remove(path, watcher, modes));
    return removed.includes(true);
  }

  /** Ends all watches of a watcher. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher);
    this.#child.forget(watcher);
  }

  /** Gives all watches of a watcher to another manager. */
  move(watcher: Watcher, to: WatchManager): void {
    this.#data.move(watcher, to.#data);
    this.#child.move(watcher, to.#child);
  }

  /** Tells watchers of a change. */
  fire(change: Change, zxid: bigint): void {
    const { path, acl } = change;
    switch (change.type) {
      case 'dataChanged':
        this.#tell(this.#data.trigger(path, true), EventType.NodeDataChanged, path, acl, zxid);
        return;
      case 'created':
        this.#tell(this.#data.trigger(path, true), EventType.NodeCreated, path, acl, zxid);
        break;
      case 'deleted': {
        const told = this.#data.trigger(path, true);
        this.#tell(told, EventType.NodeDeleted, path, acl, zxid);
        this.#tell(this.#child.trigger(path, true), EventType.NodeDeleted, path, acl, zxid, told);
      }
    }
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    this.#tell(this.#child.trigger(parent, false), EventType.NodeChildrenChanged, parent, change.parentAcl, zxid);
  }

  /** Paths that somebody watches, of whatever kind; one for each of data and children. */
  pathsOf(watcher: Watcher): readonly string[] {
    return [...this.#data.pathsOf(watcher), ...this.#child.pathsOf(watcher)];
  }

  /** Number of watches of both kinds. */
  get size(): number {
    return this.#data.size + this.#child.size;
  }

  /** The watches on znodes themselves, for `wchs`, `wchp` and `wchc`: those words know none on children. */
  get ofData(): Pick<WatchTable<Watcher>, 'size' | 'entries' | 'watchers' | 'pathsOf'> {
    return this.#data;
  }

  /** How many watches events of a type have hit so far; a client that watches in two ways is told once, and hit twice. */
  hitsOf(type: number): number {
    return this.#hits.get(type) ?? 0;
  }

  #tell(
    watchers: ReadonlySet<Watcher> | null,
    type: number,
    path: string,
    acl: readonly Acl[],
    zxid: bigint,
    except: ReadonlySet<Watcher> | null = null,
  ): void {
    if (watchers === null) return;
    this.#hits.set(type, this.hitsOf(type) + watchers.size);
    for (const watcher of watchers) {
      if (except?.has(watcher)) continue;
      this.firedCount += 1;
      watcher.notify(type, path, acl, zxid);
    }
  }

  /** Which modes of which table a kind of watch stands for. */
  #targets(type: number): readonly (readonly [table: WatchTable<Watcher>, modes: number])[] {
    const standard = this.#isCompat38 ? ANY_MODE : WatchMode.standard;
    switch (type) {
      case WatcherType.children:
        return [[this.#child, standard]];
      case WatcherType.data:
        return [[this.#data, standard]];
      case WatcherType.persistent:
        return [
          [this.#child, WatchMode.persistent],
          [this.#data, WatchMode.persistent],
        ];
      case WatcherType.persistentRecursive:
        return [[this.#data, WatchMode.recursive]];
      default:
        return [
          [this.#child, ANY_MODE],
          [this.#data, ANY_MODE],
        ];
    }
  }
}

/**
 * Anybody's watch counts, and a recursive one of this watcher. It climbed from the path towards the root, as far as there
 * could be recursive watches, and stumbled where there was no slash.
 */
function isWatchedAsBefore39(table: WatchTable<Watcher>, path: WatchedPath, watcher: Watcher): boolean {
  if (path === null) throw new MarshallingError('path that is null');
  const isRelative = path !== '' && !path.startsWith('/');
  if (isRelative && !path.includes('/')) throw new MarshallingError('path without a parent');
  if (table.isWatched(path) || (table.modesOf(path, watcher) & WatchMode.recursive) !== 0) return true;
  if (isRelative && table.hasRecursive) throw new MarshallingError('path without a root');
  return false;
}
