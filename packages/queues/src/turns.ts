import type { AvailableItem, Item } from './backlog.js';
import type { Place } from './line-order.js';

/** How long an item is left to whoever is nearer to it in line. */
const LEFT_LYING_MS = 200;

/** An own place in the line. */
export interface Placed<Seat> extends Place {
  readonly seat: Seat;
}

/** Who in line takes what now, and when somebody may take something that is left lying. */
export interface Turns<Seat> {
  readonly items: ReadonlyMap<Seat, readonly AvailableItem[]>;
  /** Milliseconds of the monotonic clock; infinite for never. */
  readonly nextAtMs: number;
}

/** Items that nobody in line takes, in order: whoever is faster has them. @param room how many items those in line take */
export function beyondLine(items: readonly AvailableItem[], room: number): AvailableItem[] {
  return items.slice(room).filter(({ isWanted }) => !isWanted);
}

/**
 * How many items to claim: those that somebody has asked for; and ahead of that, as many as nobody takes who is before in line. None of those
 * that were handed out before is claimed ahead, nor what is behind it: if it is the one that brings down whoever works on it, that would
 * bring down others with it. Pure.
 *
 * @param most how many are wanted at most, those ahead included
 * @param before how many items those take who are before the own place in line, or would be
 */
export function wantedOf(
  items: readonly AvailableItem[],
  { asked, most, before }: { readonly asked: number; readonly most: number; readonly before: number },
): number {
  if (most <= asked || mustAsk(items)) return asked;
  const left = items.filter(({ isWanted }) => !isWanted).length - before;
  return Math.max(asked, Math.min(most, left));
}

/** Whether one of the items is claimed only when it was asked for. */
export function mustAsk(items: readonly AvailableItem[]): boolean {
  return items.some(({ isRepeated }) => isRepeated);
}

/**
 * Whoever is first in line takes the first items that are to be had, as many as the place is for, the next one those behind, so that no two want
 * the same. One that is left lying by whose it would be, since that one is no more, or stands still, is taken by the next one after a while, by
 * the one after that after twice the while. Pure.
 *
 * @param items that are to be had, in order; those included that this process is about to claim already
 * @param rankOf who in line an item is left to, by how many stand before: told its index
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
