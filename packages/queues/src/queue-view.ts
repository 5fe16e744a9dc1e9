import { DirectoryTooLargeError, type Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { Backlog, type Item } from './backlog.js';
import { QueueTooLargeError } from './errors.js';
import { type ItemNaming, isItem } from './item-name.js';
import { LineOrder } from './line-order.js';
import { LiveChildren } from './live-children.js';
import type { Store } from './places.js';

/** Configuration of a view. */
export interface Outlook {
  readonly keeper: Keeper;
  readonly stores: readonly Store[];
  readonly line: string;
  readonly naming: ItemNaming;
  /** Whether the view has to know which items were claimed before. */
  readonly tellsRepeated: boolean;
}

/** Listener of a view. */
export interface Onlooker {
  /** Called when something has changed. */
  ring(): void;
  /** Called when the claim of an item is gone. */
  onUnclaimed(store: Store, name: string): void;
  /** Called when the view can no longer be kept up to date. */
  onFailure(error: unknown): void;
}

/** Items, claims and line of a queue, kept up to date by watches. */
export class QueueView {
  readonly backlog: Backlog;
  readonly line: LineOrder = new LineOrder();
  readonly #outlook: Outlook;
  readonly #directories: LiveChildren[] = [];
  readonly #stores = new Map<Store, { readonly items: LiveChildren; readonly claims: LiveChildren }>();

  private constructor(outlook: Outlook) {
    this.#outlook = outlook;
    this.backlog = new Backlog(outlook.stores, outlook.naming);
  }

  /**
   * Opens a view in one write. The listener is called only after the view is complete.
   *
   * @throws QueueTooLargeError; the errors of a watch and a list; the signal's reason
   */
  static async open(outlook: Outlook, onlooker: Onlooker, signal: AbortSignal): Promise<QueueView> {
    const view = new QueueView(outlook);
    const opening = outlook.stores.flatMap((store) => view.#openStore(store, onlooker, signal));
    opening.push(view.#openLine(onlooker, signal));
    const opened = await Promise.allSettled(opening);
    const failure = opened.find((one) => one.status === 'rejected');
    if (failure === undefined) return view;
    view.close();
    throw failure.reason;
  }

  /**
   * Checks the view after a failed claim. Usually the view already shows that another consumer was faster. Otherwise the view is wrong, and
   * the item's directories are listed again.
   */
  async doubt(item: Item): Promise<void> {
    if (!this.backlog.isThere(item)) return;
    const directories = this.#stores.get(item.store);
    await Promise.all([directories?.items.renew(), directories?.claims.renew()]);
  }

  /** Closes the view. */
  close(): void {
    for (const directory of this.#directories) directory.close();
  }

  #openStore(store: Store, onlooker: Onlooker, signal: AbortSignal): Promise<unknown>[] {
    const { backlog } = this;
    const items = this.#open(store.items, onlooker, signal, {
      added: (name) => {
        if (isItem(name)) backlog.add(store, name);
      },
      removed: (name) => backlog.remove(store, name),
    });
    const claims = this.#open(store.claims, onlooker, signal, {
      added: (name) => backlog.claim(store, name),
      removed: (name) => {
        backlog.unclaim(store, name);
        onlooker.onUnclaimed(store, name);
      },
    });
    const { keeper, tellsRepeated } = this.#outlook;
    const fail = (error: unknown): never => {
      throw named(error, store.records);
    };
    const records = tellsRepeated ? namesIn(keeper, store.records, { signal }).catch(fail) : [];
    const all = Promise.all([items, claims, records]).then(([first, second, repeated]) => {
      this.#stores.set(store, { items: first, claims: second });
      for (const name of repeated) backlog.repeat({ store, name });
    });
    return [all];
  }

  #openLine(onlooker: Onlooker, signal: AbortSignal): Promise<unknown> {
    return this.#open(this.#outlook.line, onlooker, signal, {
      added: (name) => this.line.add(name),
      removed: (name) => this.line.remove(name),
    });
  }

  async #open(
    path: string,
    onlooker: Onlooker,
    signal: AbortSignal,
    { added, removed }: { added(name: string): void; removed(name: string): void },
  ): Promise<LiveChildren> {
    const listener = {
      added: (name: string) => {
        added(name);
        onlooker.ring();
      },
      removed: (name: string) => {
        removed(name);
        onlooker.ring();
      },
    };
    const fail = (error: unknown): void => onlooker.onFailure(named(error, path));
    try {
      const directory = await LiveChildren.open(this.#outlook.keeper, path, listener, { signal, onFailure: fail });
      this.#directories.push(directory);
      return directory;
    } catch (error) {
      throw named(error, path);
    }
  }
}

/** Replaces the error of a directory that is too large by an error that names the queue and the remedy. */
export function named(error: unknown, path: string): unknown {
  return error instanceof DirectoryTooLargeError ? new QueueTooLargeError(path, { cause: error }) : error;
}
