import type { DataTree } from './data-tree.js';
import type { Change } from './transaction.js';
import type { WatchManager } from './watch-manager.js';

/** What a client sees of the world: a tree, and the watches on it. */
export interface Replica {
  readonly tree: DataTree;
  readonly watches: WatchManager;
}

/** The changes of one transaction. */
interface BacklogEntry {
  readonly changes: readonly Change[];
  readonly zxid: bigint;
}

/**
 * A replica as of a lagging follower: its tree stays as it was, and its watchers are told nothing, until it catches up.
 * Then they are told everything in order.
 */
export class LaggingReplica implements Replica {
  readonly tree: DataTree;
  readonly watches: WatchManager;
  readonly #backlog: BacklogEntry[] = [];

  constructor(tree: DataTree, watches: WatchManager) {
    this.tree = tree.clone();
    this.watches = watches;
  }

  /** Notes what happened elsewhere. */
  miss(changes: readonly Change[], zxid: bigint): void {
    this.#backlog.push({ changes, zxid });
  }

  /** Tells the watchers what they missed. */
  catchUp(): void {
    for (const { changes, zxid } of this.#backlog.splice(0)) {
      for (const change of changes) this.watches.fire(change, zxid);
    }
  }
}
