import { EventType, MarshallingError } from 'zookeeper-ts-client/protocol';
import type { Acl } from './access-control.js';
import type { Change } from './transaction.js';
import { type WatchedPath, WatchMode, WatchTable } from './watch-table.js';

/** Owner of watches: a connection. */
export interface Watcher {
  /** Session of the connection, for reports. */
  readonly sessionId: bigint;
  /**
   * Sends an event.
   *
   * @param acl ACL of the znode: the watcher needs READ to receive the event; `null` when no check is necessary
   * @param zxid zxid of the transaction; -1 for an event about an earlier change
   */
  notify(type: number, path: string, acl: readonly Acl[] | null, zxid: bigint): void;
}

/** Kinds of watches that clients can remove. @see org.apache.zookeeper.Watcher.WatcherType */
const WatcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
const ANY_MODE = -1;

/** Data watches and child watches, and the events that fire them. Watches belong to connections, not to sessions. */
export class WatchManager {
  readonly #data: WatchTable<Watcher>;
  readonly #child: WatchTable<Watcher>;
  readonly #isCompat38: boolean;
  /** Number of events sent so far. */
  firedCount = 0;
  /** Number of fired watches for each type of event. */
  readonly #hits: Map<number, number> = new Map();

  /** @param isCompat38 whether to behave like 3.8: one mode for each path, and removals of other kinds also remove persistent watches */
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

  /** Registers a watch that remains after an event. */
  watchPersistently(path: WatchedPath, watcher: Watcher, isRecursive: boolean): void {
    const mode = isRecursive ? WatchMode.recursive : WatchMode.persistent;
    if (!isRecursive || this.#isCompat38) this.#child.add(path, watcher, mode);
    this.#data.add(path, watcher, mode);
  }

  /** Whether a number is a kind of watch that clients can check and remove. */
  isWatcherType(type: number): boolean {
    return type >= WatcherType.children && type <= (this.#isCompat38 ? WatcherType.any : 5);
  }

  /** Whether a watcher has a watch of this kind. Before 3.9, a watch of any other client also counted. */
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
   * Removes the watches of this kind.
   *
   * @returns whether there were any
   */
  remove(path: WatchedPath, watcher: Watcher, type: number): boolean {
    const removed = this.#targets(type).map(([table, modes]) => table.remove(path, watcher, modes));
    return removed.includes(true);
  }

  /** Removes all watches of a watcher. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher);
    this.#child.forget(watcher);
  }

  /** Moves all watches of a watcher to another manager. */
  move(watcher: Watcher, to: WatchManager): void {
    this.#data.move(watcher, to.#data);
    this.#child.move(watcher, to.#child);
  }

  /** Sends the events of a change to the watchers. */
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

  /** Returns the paths that a watcher watches in any mode; a path occurs once for data and once for children. */
  pathsOf(watcher: Watcher): readonly string[] {
    return [...this.#data.pathsOf(watcher), ...this.#child.pathsOf(watcher)];
  }

  /** Number of data and child watches. */
  get size(): number {
    return this.#data.size + this.#child.size;
  }

  /** Watches on znodes themselves, for `wchs`, `wchp` and `wchc`: these words do not show child watches. */
  get ofData(): Pick<WatchTable<Watcher>, 'size' | 'entries' | 'watchers' | 'pathsOf'> {
    return this.#data;
  }

  /** Returns the number of watches that events of a type have fired so far. A client with two watches gets one event, and counts twice. */
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

  /** Returns the tables and modes that a kind of watch stands for. */
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
 * Whether a path is watched, by the rule before 3.9: a watch of any client counts, and a recursive watch of this watcher. The old server
 * searched from the path towards the root if recursive watches existed, and failed on a path without a slash.
 */
function isWatchedAsBefore39(table: WatchTable<Watcher>, path: WatchedPath, watcher: Watcher): boolean {
  if (path === null) throw new MarshallingError('path that is null');
  const isRelative = path !== '' && !path.startsWith('/');
  if (isRelative && !path.includes('/')) throw new MarshallingError('path without a parent');
  if (table.isWatched(path) || (table.modesOf(path, watcher) & WatchMode.recursive) !== 0) return true;
  if (isRelative && table.hasRecursive) throw new MarshallingError('path without a root');
  return false;
}
