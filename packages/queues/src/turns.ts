import type { AvailableItem, Item } from './backlog.js';
import type { Place } from './line-order.js';

/** Time in milliseconds for which an item is left to a ticket that is nearer to it. */
const LEFT_LYING_MS = 200;

/** Own ticket with its position in the line. */
export interface Placed<Seat> extends Place {
  readonly seat: Seat;
}

/** Assignment: which ticket claims which items now, and when a further ticket may claim an unclaimed item. */
export interface Turns<Seat> {
  readonly items: ReadonlyMap<Seat, readonly AvailableItem[]>;
  /** Milliseconds of the monotonic clock; infinite for never. */
  readonly nextAtMs: number;
}

/** Returns the items behind the line, in order; the fastest consumer gets them. @param room number of items of the tickets in the line */
export function beyondLine(items: readonly AvailableItem[], room: number): AvailableItem[] {
  return items.slice(room).filter(({ isWanted }) => !isWanted);
}

/**
 * Returns the number of items to claim: the items that callers have asked for, and items ahead that no earlier ticket gets. If the items
 * include a redelivered item, no item is claimed ahead. A redelivered item may crash its consumer, and items claimed ahead would lose an
 * attempt. Pure.
 *
 * @param most largest number of wanted items, including items ahead
 * @param before number of items of the tickets ahead of the own ticket, or ahead of a new one
 */
export function wantedOf(
  items: readonly AvailableItem[],
  { asked, most, before }: { readonly asked: number; readonly most: number; readonly before: number },
): number {
  if (most <= asked || mustAsk(items)) return asked;
  const left = items.filter(({ isWanted }) => !isWanted).length - before;
  return Math.max(asked, Math.min(most, left));
}

/** Whether the items include a redelivered item, which is claimed only when a caller has asked for it. */
export function mustAsk(items: readonly AvailableItem[]): boolean {
  return items.some(({ isRepeated }) => isRepeated);
}

/**
 * Assigns items to tickets. The first ticket gets the first available items, as many as it is for, and the next ticket gets the items
 * behind those. So no two consumers claim the same item. An item stays unclaimed if its consumer is gone or stands still. After 200 ms the
 * next ticket may claim that item, and after 400 ms the ticket behind the next one. Pure.
 *
 * @param items available items in order, including items that this process is about to claim
 * @param rankOf returns the number of tickets ahead of the ticket that gets the item at an index
 * @param nowMs milliseconds of the monotonic clock
 */
export function turnsOf<Seat>(
  places: readonly Placed<Seat>[],
  items: readonly AvailableItem[],
  rankOf: (index: number) => number,
  nowMs: number,
): Turns<Seat> {
  const turns = new Map<Seat, readonly AvailableItem[]>();
  const taken = new Set<Item>(items.filter(({ isWanted }) => isWanted));
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const { seat, rank, before, room } of places) {
    const own = items.slice(before, before + room).filter((item) => !taken.has(item));
    if (own.length > 0) {
      turns.set(seat, own);
      for (const item of own) taken.add(item);
      continue;
    }
    let fromMs = Number.POSITIVE_INFINITY;
    for (let index = Math.min(before, items.length) - 1; index >= 0; index--) {
      const item = items[index] as AvailableItem;
      if (taken.has(item)) continue;
      const itsFromMs = item.sinceMs + (rank - rankOf(index)) * LEFT_LYING_MS;
      fromMs = Math.min(fromMs, itsFromMs);
      if (itsFromMs > nowMs) continue;
      turns.set(seat, [item]);
      taken.add(item);
      break;
    }
    if (!turns.has(seat)) nextAtMs = Math.min(nextAtMs, fromMs);
  }
  return { items: turns, nextAtMs };
}
