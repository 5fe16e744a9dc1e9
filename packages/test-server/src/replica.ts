import type { DataTree } from './data-tree.js';
import type { Change } from './transaction.js';
import type { WatchManager } from './watch-manager.js';

/** View of a client: a tree, and the watches on it. */
export interface Replica {
  readonly tree: DataTree;
  readonly watches: WatchManager;
}

/** Changes of one transaction. */
interface BacklogEntry {
  readonly changes: readonly Change[];
  readonly zxid: bigint;
}

/**
 * Replica like that of a lagging follower. Its tree stays unchanged and its watchers receive no events until it catches up. Then they
 * receive all events in order.
 */
export class LaggingReplica implements Replica {
  readonly tree: DataTree;
  readonly watches: WatchManager;
  readonly #backlog: BacklogEntry[] = [];

  constructor(tree: DataTree, watches: WatchManager) {
    this.tree = tree.clone();
    this.watches = watches;
  }

  /** Records changes that this replica does not apply. */
  miss(changes: readonly Change[], zxid: bigint): void {
    this.#backlog.push({ changes, zxid });
  }

  /** Sends the watchers the events that they have missed. */
  catchUp(): void {
    for (const { changes, zxid } of this.#backlog.splice(0)) {
      for (const change of changes) this.watches.fire(change, zxid);
    }
  }
}
