import { type Keeper, NodeExistsError, NoNodeError } from '@zk-recipes/core';
import { checkArgument, checkOptions, namesIn } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';
import { hasId, idName, isItem, withId } from './item-name.js';
import { type CallOptions, type QueueOptions, schemas } from './options.js';
import { besides, type Store, storeOf } from './places.js';
import { named } from './queue-view.js';
import { WorkQueue } from './work-queue.js';

/*
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-|<id>|<number>`. The queue hands them out in the order in
 * which they were put. Curator's DistributedIdQueue uses the same names: both `put` and `remove` convert `/` and `|` to `_`. (Curator's `remove`
 * never finds such an item.) Characters that no path may have, and that Curator cannot write, are encoded in the name.
 *
 * Protocol of a removal
 *   1. List the items. For each item of that id: create its claim, delete the item and its record, and delete the claim, in one transaction. An item
 *      in flight has a claim, and stays.
 */

/** Options of a put into an id queue. */
export interface IdOptions extends CallOptions {
  /** Id by which the item can be removed: any non-empty text. Several items may have the same id. */
  readonly id: string;
}

/** First-in, first-out queue whose items can be removed by id while no consumer works on them. */
export class IdQueue<T> extends WorkQueue<T> {
  readonly #store: Store;

  /** @throws TypeError or RangeError for a wrong argument, which the message names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('IdQueue', withId, keeper, path, options);
    this.#store = storeOf(path, besides(path), options.lockPath);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async put(value: T, options: IdOptions): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items of one id in one transaction, which puts all of them or none. @throws as `put` */
  async putAll(values: readonly T[], options: IdOptions): Promise<void> {
    checkOptions('put of IdQueue', schemas.id, options);
    await this.putUnder(idName(options.id), values, options.signal);
  }

  /**
   * Removes all items of an id that no consumer works on.
   *
   * @returns the number of removed items
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; QueueTooLargeError; the signal's reason
   */
  async remove(id: string, options: CallOptions = {}): Promise<number> {
    checkArgument('id', z.string().check(z.minLength(1)), id);
    checkOptions('remove of IdQueue', schemas.call, options);
    const { signal } = options;
    const names = await namesIn(this.keeper, this.path, { signal }).catch((error: unknown) => {
      throw named(error, this.path);
    });
    const items = names
      .filter((name) => isItem(name) && hasId(name, id))
      .map((name): Item => ({ store: this.#store, name }));
    const removed = await Promise.all(items.map((item) => this.#remove(item, signal)));
    return removed.filter((isRemoved) => isRemoved).length;
  }

  async #remove(item: Item, signal: AbortSignal | undefined): Promise<boolean> {
    const claimed = this.keeper
      .transaction()
      .creatingParents()
      .create(claimPath(item), undefined, { mode: 'EPHEMERAL' })
      .delete(itemPath(item));
    const record = await this.keeper.exists().forPath(recordPath(item), { signal });
    const recorded = record === null ? claimed : claimed.delete(recordPath(item), { version: record.version });
    try {
      await this.commitOnce(recorded.delete(claimPath(item)), signal);
      return true;
    } catch (error) {
      // A consumer works on the item, or has settled it.
      if (error instanceof NodeExistsError || error instanceof NoNodeError) return false;
      throw error;
    }
  }
}
