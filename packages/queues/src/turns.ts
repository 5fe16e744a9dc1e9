import type { AvailableItem, Item } from './backlog.js';

/** How long an item is left to whoever is nearer to it in line. */
const LEFT_LYING_MS = 200;

/** A place in the line, and how many stand before it. */
export interface Placed<Seat> {
  readonly seat: Seat;
  readonly position: number;
}

/** Who in line takes what now, and when somebody may take something that is left lying. */
export interface Turns<Seat> {
  readonly items: ReadonlyMap<Seat, Item>;
  /** Milliseconds since 1970; infinite for never. */
  readonly nextAtMs: number;
}

/**
 * Whoever is the nth in line takes the nth item that is to be had, so that no two want the same. One that is left lying by whose it would
 * be, since that one is no more, or stands still, is taken by the next one after a while, by the one after that after twice the while. Pure.
 *
 * @param items that are to be had, in order; those included that this process is about to claim already
 */
export function turnsOf<Seat>(
  seats: readonly Placed<Seat>[],
  items: readonly AvailableItem[],
  nowMs: number,
): Turns<Seat> {
  const turns = new Map<Seat, Item>();
  const taken = new Set<Item>(items.filter(({ isWanted }) => isWanted));
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const { seat, position } of seats) {
    const lying = items
      .slice(0, position + 1)
      .map((item, index) => ({ item, fromMs: item.sinceMs + (position - index) * LEFT_LYING_MS }))
      .filter(({ item }) => !taken.has(item));
    const turn = lying.findLast(({ fromMs }) => fromMs <= nowMs);
    if (turn === undefined) nextAtMs = lying.reduce((next, { fromMs }) => Math.min(next, fromMs), nextAtMs);
    else {
      turns.set(seat, turn.item);
      taken.add(turn.item);
    }
  }
  return { items: turns, nextAtMs };
}
