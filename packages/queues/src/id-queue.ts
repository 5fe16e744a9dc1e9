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
 * Guarantee, znodes, protocol and failures: see work-queue.ts. Items are named `queue-|<id>|<number>`, and are handed out in the order in which
 * they were put. Curator's DistributedIdQueue has the same: `/` and `|` become `_` when an item is put and when it is removed (Curator's `remove`
 * never finds such an item). What no path may have, and Curator cannot write, stands encoded in the name.
 *
 * Protocol of a removal
 *   1. List the items. For each of that id: create its claim, delete the item and its record, delete the claim, in one transaction. What is
 *      being worked on has a claim, and stays.
 */

/** How an item is put into an id queue. */
export interface IdOptions extends CallOptions {
  /** By which it can be removed: any text but an empty one. Several items may have the same. */
  readonly id: string;
}

/** Hands out items in the order in which they were put; one that is not being worked on can be removed by its id. */
export class IdQueue<T> extends WorkQueue<T> {
  readonly #store: Store;

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: QueueOptions<T> = {}) {
    super('IdQueue', withId, keeper, path, options);
    this.#store = storeOf(path, besides(path), options.lockPath);
  }

  /**
   * Puts an item.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; the signal's reason
   */
  async put(value: T, options: IdOptions): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items of one id by one transaction: all of them, or none. @throws as `put` */
  async putAll(values: readonly T[], options: IdOptions): Promise<void> {
    checkOptions('put of IdQueue', schemas.id, options);
    await this.putUnder(idName(options.id), values, options.signal);
  }

  /**
   * Removes all items of an id that nobody works on.
   *
   * @returns how many
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; QueueTooLargeError; the signal's reason
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
      // Somebody works on it, or has done so.
      if (error instanceof NodeExistsError || error instanceof NoNodeError) return false;
      throw error;
    }
  }
}
