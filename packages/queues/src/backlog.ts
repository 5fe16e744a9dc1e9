import { childOf, compareText, earlierOf, hasCome, type Moment, NEVER } from '@zk-recipes/core/recipe-kit';
import type { ItemNaming } from './item-name.js';
import type { Store } from './places.js';

/** An item that is known to be there. */
export interface Item {
  readonly store: Store;
  readonly name: string;
}

/** An item that may be taken. */
export interface AvailableItem extends Item {
  /** Since when it was seen to be, in milliseconds of the monotonic clock. */
  readonly sinceMs: number;
  /** Whether this process is about to claim it. It counts among the others still, as it does for everybody else who counts them. */
  readonly isWanted: boolean;
  /** Whether it is known that it was claimed before. */
  readonly isRepeated: boolean;
}

/** What a look at the backlog found. */
export interface Available {
  /** The first ones that may be taken, in order. */
  readonly items: readonly AvailableItem[];
  /** When a further one may be taken, if nothing happens until then. */
  readonly nextAt: Moment;
}

interface Entry extends AvailableItem {
  readonly key: string;
  readonly dueAtMs: number;
  /** Infinite while it is not to be had. */
  sinceMs: number;
  deferredUntil: Moment;
  isClaimed: boolean;
  isWanted: boolean;
  isRepeated: boolean;
  isGone: boolean;
}

/** A moment that both clocks have reached. */
const AT_ONCE: Moment = { monotonicMs: 0, wallMs: 0 };

/** As many dead entries are put up with before the order is swept. */
const DEAD_ENTRIES = 1_000;
/** So many are inserted one by one; more are sorted with all others, which costs less than to make room for each of very many. */
const FEW = 16;

/**
 * The items of one or more directories as far as they are known, in the order in which they are to be handed out. Pure.
 *
 * Claims may be told of before their items, or after them; both are remembered.
 */
export class Backlog {
  readonly #naming: ItemNaming;
  readonly #entries = new Map<Store, Map<string, Entry>>();
  readonly #claims = new Map<Store, Set<string>>();
  /** In order, from `#head` on. Who is gone is swept out later. */
  #order: Entry[] = [];
  /** Those that belong somewhere between the others, and were not put there yet: a server lists names in no order. */
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

  /** Number of items that are there, claimed or not. */
  get size(): number {
    return this.#order.length + this.#unsorted.length - this.#head - this.#dead;
  }

  /** An item is there. Nothing happens if that is known. */
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

  /** An item is not there any more. */
  remove(store: Store, name: string): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    this.#entriesOf(store).delete(name);
    entry.isGone = true;
    this.#dead += 1;
    this.#sweep();
  }

  /** Somebody has claimed an item. */
  claim(store: Store, name: string): void {
    this.#claims.get(store)?.add(name);
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.isClaimed = true;
    entry.sinceMs = Number.POSITIVE_INFINITY;
  }

  /** The claim of an item is gone: it is done, or may be taken by anybody. */
  unclaim(store: Store, name: string): void {
    this.#claims.get(store)?.delete(name);
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.isClaimed = false;
    entry.isRepeated = true;
  }

  /** An item was found to have been claimed before. */
  repeat({ store, name }: Item): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry !== undefined) entry.isRepeated = true;
  }

  /** Whether this process is about to claim an item: so that it does not do so twice. */
  want({ store, name }: Item, isWanted: boolean): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry !== undefined) entry.isWanted = isWanted;
  }

  /** Whether an item is there and unclaimed, for all that is known. */
  isThere({ store, name }: Item): boolean {
    return this.#entriesOf(store).get(name)?.isClaimed === false;
  }

  /** An item is not to be taken before a moment. */
  defer({ store, name }: Item, until: Moment): void {
    const entry = this.#entriesOf(store).get(name);
    if (entry === undefined) return;
    entry.deferredUntil = until;
    entry.sinceMs = Number.POSITIVE_INFINITY;
  }

  /** The first items that may be taken now. @param count how many at most */
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
    // Most come last.
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

/** Path of an item. */
export function itemPath({ store, name }: Item): string {
  return childOf(store.items, name);
}

/** Path of an item's claim. */
export function claimPath({ store, name }: Item): string {
  return childOf(store.claims, name);
}

/** Path of an item's record. */
export function recordPath({ store, name }: Item): string {
  return childOf(store.records, name);
}
