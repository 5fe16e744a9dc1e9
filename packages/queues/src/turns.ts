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
  readonly items: ReadonlyMap<Seat, AvailableItem>;
  /** Milliseconds since 1970; infinite for never. */
  readonly nextAtMs: number;
}

/** Items that nobody in line takes, in order: whoever is faster has them. */
export function beyondLine(items: readonly AvailableItem[], lineLength: number): AvailableItem[] {
  return items.slice(lineLength).filter(({ isWanted }) => !isWanted);
}

/**
 * How many items to claim: those that somebody has asked for; and ahead of that, as many as nobody else in line takes. None of those that were
 * handed out before is claimed ahead: if it is the one that brings down whoever works on it, that would bring down others with it. Pure.
 *
 * @param most how many are wanted at most, those ahead included
 * @param others number of others in line
 */
export function wantedOf(
  items: readonly AvailableItem[],
  { asked, most, others }: { readonly asked: number; readonly most: number; readonly others: number },
): number {
  if (most <= asked || mustAsk(items)) return asked;
  const left = items.filter(({ isWanted }) => !isWanted).length - others;
  return Math.max(asked, Math.min(most, left));
}

/** Whether one of the items is claimed only when it was asked for. */
export function mustAsk(items: readonly AvailableItem[]): boolean {
  return items.some(({ isRepeated, isWanted }) => isRepeated && !isWanted);
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
  const turns = new Map<Seat, AvailableItem>();
  const taken = new Set<Item>(items.filter(({ isWanted }) => isWanted));
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const { seat, position } of seats) {
    let turn: AvailableItem | null = null;
    let fromMs = Number.POSITIVE_INFINITY;
    for (let index = Math.min(position, items.length - 1); index >= 0 && turn === null; index--) {
      const item = items[index] as AvailableItem;
      if (taken.has(item)) continue;
      const itsFromMs = item.sinceMs + (position - index) * LEFT_LYING_MS;
      if (itsFromMs <= nowMs) turn = item;
      else fromMs = Math.min(fromMs, itsFromMs);
    }
    if (turn === null) nextAtMs = Math.min(nextAtMs, fromMs);
    else {
      turns.set(seat, turn);
      taken.add(turn);
    }
  }
  return { items: turns, nextAtMs };
}
