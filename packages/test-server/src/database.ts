import type { Client } from './client.js';
import type { Clock } from './clock.js';
import type { DataTree } from './data-tree.js';
import { LaggingReplica, type Replica } from './replica.js';
import type { Applied, Transaction } from './transaction.js';
import { WatchManager } from './watch-manager.js';

/** Tree and watches of the server, with the zxid and time of each transaction. */
export class Database implements Replica {
  readonly tree: DataTree;
  readonly watches: WatchManager;
  readonly #clock: Clock;
  readonly #isCompat38: boolean;
  #skippedZxids = 0n;
  readonly #lagging: Map<Client, LaggingReplica> = new Map();

  constructor(tree: DataTree, clock: Clock, isCompat38: boolean) {
    this.tree = tree;
    this.#clock = clock;
    this.#isCompat38 = isCompat38;
    this.watches = new WatchManager(isCompat38);
  }

  /** Returns the zxid of the next transaction. The zxid is used up even if the request fails. */
  nextZxid(): bigint {
    this.tree.lastZxid += 1n + this.#skippedZxids;
    this.#skippedZxids = 0n;
    return this.tree.lastZxid;
  }

  /** Uses up a zxid that no reply shows: the zxid of the next transaction is one higher. */
  skipZxid(): void {
    this.#skippedZxids += 1n;
  }

  /** Applies checked transactions and fires the watches. Lagging clients receive their events later. */
  commit(transactions: readonly Transaction[], zxid: bigint): readonly Applied[] {
    const timeMs = this.#clock.wallNow();
    const applied = transactions.map((transaction) => this.tree.apply(transaction, zxid, timeMs));
    for (const { changes } of applied) {
      for (const change of changes) this.watches.fire(change, zxid);
      for (const laggard of this.#lagging.values()) laggard.miss(changes, zxid);
    }
    return applied;
  }

  /** Applies a single transaction. */
  commitOne(transaction: Transaction, zxid: bigint): Applied {
    return this.commit([transaction], zxid)[0] as Applied;
  }

  /** Freezes a client's view until the client catches up. */
  letLag(client: Client): void {
    if (this.#lagging.has(client)) return;
    const laggard = new LaggingReplica(this.tree, new WatchManager(this.#isCompat38));
    this.watches.move(client, laggard.watches);
    this.#lagging.set(client, laggard);
    client.replica = laggard;
  }

  /** Sends a client the events that it has missed, and ends its stale view. */
  catchUp(client: Client): void {
    const laggard = this.#lagging.get(client);
    if (laggard === undefined) return;
    this.#lagging.delete(client);
    laggard.catchUp();
    laggard.watches.move(client, this.watches);
    client.replica = this;
  }

  /** Removes the watches of a client that has disconnected. */
  forget(client: Client): void {
    this.#lagging.delete(client);
    client.replica = this;
    this.watches.forget(client);
  }
}
