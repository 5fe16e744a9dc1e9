import { childOf, compareText, earlierOf, hasCome, type Moment, NEVER } from '@zk-recipes/core/recipe-kit';
import type { ItemNaming } from './item-name.js';
import type { Store } from './places.js';

/** Item that is known to exist. */
export interface Item {
  readonly store: Store;
  readonly name: string;
}

/** Item that may be claimed. */
export interface AvailableItem extends Item {
  /** Time since when the item is known to be available, in milliseconds of the monotonic clock. */
  readonly sinceMs: number;
  /**
   * Whether this process is about to claim the item. Such an item still counts among the available items, as it does for other consumers.
   */
  readonly isWanted: boolean;
  /** Whether the item is known to have been claimed before. */
  readonly isRepeated: boolean;
}

/** Result of a look at the backlog. */
export interface Available {
  /** First items that may be claimed, in order. */
  readonly items: readonly AvailableItem[];
  /** Moment when a further item becomes available, if nothing happens before. */
  readonly nextAt: Moment;
}

interface Entry extends AvailableItem {
  readonly key: string;
  readonly dueAtMs: number;
  /** Infinite while the item is not available. */
  sinceMs: number;
  deferredUntil: Moment;
  isClaimed: boolean;
  isWanted: boolean;
  isRepeated: boolean;
  isGone: boolean;
}

/** Moment that both clocks have already reached. */
const AT_ONCE: Moment = { monotonicMs: 0, wallMs: 0 };

/** Number of dead entries from which on the order is swept. */
const DEAD_ENTRIES = 1_000;
/**
 * Largest number of entries that are inserted one by one. More entries are sorted together with all others, which costs less than many
 * inserts.
 */
const FEW = 16;

/**
 * Known items of one or more directories, in the order in which they are to be handed out. Pure.
 *
 * Claims may be reported before or after their items; the backlog remembers both.
 */
export class Backlog {
  readonly #naming: ItemNaming;
  readonly #entries = new Map<Store, Map<string, Entry>>();
  readonly #claims = new Map<Store, Set<string>>();
  /** Entries in order, from `#head` on. Entries of removed items are swept out later. */
  #order: Entry[] = [];
  /** Entries that belong between other entries and are not inserted yet: a server lists names in no order. */
  #unsorted: Entry[] = [];
  #head = 0;
  #dead = 0;

  constructor(stores: readonly Store[], naming: ItemNaming) {
    this.#naming = naming;
    for (const store of stores) {
      this.#entries.set(store, new Map());
      this.#claims.set(store, new Set());
    }
  }

  /** Number of existing items, claimed or not. */
  get size(): number {
    return this.#order.length + this.#unsorted.length - this.#head - this.#dead;
  }

  /** Adds an item. Does nothing if the item is known. */
  add(store: Store, name: string): void {
    const entries = this.#entriesOf(store);
    if (entries.has(name)) return;
    const entry: Entry = {
      store,
      name,
      key: this.#naming.keyOf(name),
      dueAtMs: this.#naming.labelOf(name).dueAtMs,
      sinceMs: Number.POSITIVE_INFINITY,
      deferredUntil: AT_ONCE,
      isClaimed: this.#claims.get(store)?.has(name) ?? false,
      isWanted: false,
      isRepeated: false,
      isGone: false,
    };
    entries.set(name, entry);
    this.#insert(entry);
  }

  /** Removes an item that no longer exists. */
  remove(store: Store, name: string): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    this.#entriesOf(store).delete(name);
    entry.isGone = true;
    this.#dead += 1;
    this.#sweep();
  }

  /** Marks an item as claimed. */
  claim(store: Store, name: string): void {
    this.#claims.get(store)?.add(name);
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.isClaimed = true;
    entry.sinceMs = Number.POSITIVE_INFINITY;
  }

  /** Marks an item as unclaimed: its claim is gone, so it is done, or any consumer may claim it. */
  unclaim(store: Store, name: string): void {
    this.#claims.get(store)?.delete(name);
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.isClaimed = false;
    entry.isRepeated = true;
  }

  /** Marks an item as claimed before. */
  repeat({ store, name }: Item): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry !== undefined) entry.isRepeated = true;
  }

  /** Sets whether this process is about to claim an item, so that it does not claim the item twice. */
  want({ store, name }: Item, isWanted: boolean): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry !== undefined) entry.isWanted = isWanted;
  }

  /** Whether an item exists and is unclaimed, as far as is known. */
  isThere({ store, name }: Item): boolean {
    return this.#entriesOf(store).get(name)?.isClaimed === false;
  }

  /** Defers an item until a moment. */
  defer({ store, name }: Item, until: Moment): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.deferredUntil = until;
    entry.sinceMs = Number.POSITIVE_INFINITY;
  }

  /** Returns the first items that may be claimed now. @param count largest number of items */
  available(count: number, now: Moment): Available {
    this.#sort();
    const items: AvailableItem[] = [];
    let nextAt = NEVER;
    for (let index = this.#head; index < this.#order.length && items.length < count; index++) {
      const entry = this.#order[index] as Entry;
      if (entry.isGone || entry.isClaimed) continue;
      if (entry.dueAtMs > now.wallMs) {
        // Items are in the order of their due times, so no later item is due before this one.
        nextAt = earlierOf(nextAt, { ...NEVER, wallMs: entry.dueAtMs });
        break;
      }
      if (hasCome(entry.deferredUntil, now)) {
        entry.sinceMs = Math.min(entry.sinceMs, now.monotonicMs);
        items.push(entry);
      } else nextAt = earlierOf(nextAt, entry.deferredUntil);
    }
    return { items, nextAt };
  }

  #entriesOf(store: Store): Map<string, Entry> {
    return this.#entries.get(store) as Map<string, Entry>;
  }

  #insert(entry: Entry): void {
    const last = this.#order.at(-1);
    // Appending is cheap, and most items belong at the end.
    if (this.#order.length === this.#head || (last !== undefined && precedes(last, entry))) this.#order.push(entry);
    else this.#unsorted.push(entry);
  }

  #sort(): void {
    if (this.#unsorted.length <= FEW) {
      for (const entry of this.#unsorted) this.#order.splice(this.#placeOf(entry), 0, entry);
    } else {
      this.#order = [...this.#order.slice(this.#head), ...this.#unsorted].sort(compare);
      this.#head = 0;
    }
    this.#unsorted = [];
    this.#sweep();
  }

  #placeOf(entry: Entry): number {
    let [low, high] = [this.#head, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (precedes(this.#order[middle] as Entry, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sweep(): void {
    while (this.#head < this.#order.length && this.#order[this.#head]?.isGone) {
      this.#head += 1;
      this.#dead -= 1;
    }
    if (this.#dead + this.#head < DEAD_ENTRIES || (this.#dead + this.#head) * 2 < this.#order.length) return;
    this.#order = this.#order.filter(({ isGone }) => !isGone);
    this.#head = 0;
    this.#dead = 0;
  }
}

/** Whether an item goes before another. */
function precedes(one: Entry, other: Entry): boolean {
  return compare(one, other) < 0;
}

function compare(one: Entry, other: Entry): number {
  const order = compareText(one.key, other.key) || compareText(one.name, other.name);
  return order || compareText(one.store.items, other.store.items);
}

/** Returns the path of an item. */
export function itemPath({ store, name }: Item): string {
  return childOf(store.items, name);
}

/** Returns the path of an item's claim. */
export function claimPath({ store, name }: Item): string {
  return childOf(store.claims, name);
}

/** Returns the path of an item's attempt record. */
export function recordPath({ store, name }: Item): string {
  return childOf(store.records, name);
}
