import { inSequence, isPlaceName } from '@zk-recipes/core/recipe-kit';

/** Name of a ticket without the server's number. */
const SEAT = 'seat-';
/** Pattern of tickets: a ticket for several items has their number before its name. */
const ROOM = /(?:^|-)(\d{1,4})-seat-\d{10}$/;
/** Largest number of items of one ticket, and of items that one transaction claims. */
export const MOST_ROOM = 100;

/** Position of a ticket in the line. */
export interface Place {
  /** Number of tickets ahead. */
  readonly rank: number;
  /** Number of items of the tickets ahead. */
  readonly before: number;
  /** Number of items of this ticket. */
  readonly room: number;
}

/** Returns the name of a new ticket, without the server's number. @param room number of items of the ticket: 1 to 100 */
export function seatFor(room: number): string {
  return room === 1 ? SEAT : `${room}-${SEAT}`;
}

/** Sorts the names of tickets in the order of the line. */
export function inOrder(names: readonly string[]): string[] {
  return inSequence(names, SEAT);
}

/** Order of the tickets in the line. The first ticket gets the first items, as many as it is for. Pure. */
export class LineOrder {
  readonly #names = new Set<string>();
  #places: ReadonlyMap<string, Place> | null = null;
  #room = 0;

  /** Adds a ticket. Ignores a name that cannot have a server's number. */
  add(name: string): void {
    if (!isPlaceName(name)) return;
    this.#names.add(name);
    this.#room += roomOf(name);
    this.#places = null;
  }

  remove(name: string): void {
    if (!this.#names.delete(name)) return;
    this.#room -= roomOf(name);
    this.#places = null;
  }

  /** Number of items of all tickets together. */
  get room(): number {
    return this.#room;
  }

  /** Returns the position of a ticket; `undefined` if the line does not contain it. */
  placeOf(name: string): Place | undefined {
    this.#places ??= this.#inOrder();
    return this.#places.get(name);
  }

  /**
   * Returns the number of tickets ahead of the ticket that gets the item at an index; for an item behind the line, the number of all
   * tickets.
   */
  rankOf(index: number): number {
    this.#places ??= this.#inOrder();
    let rank = 0;
    for (const { before, room } of this.#places.values()) {
      if (index < before + room) return rank;
      rank += 1;
    }
    return rank;
  }

  #inOrder(): ReadonlyMap<string, Place> {
    const places = new Map<string, Place>();
    let before = 0;
    for (const [rank, name] of inOrder([...this.#names]).entries()) {
      const room = roomOf(name);
      places.set(name, { rank, before, room });
      before += room;
    }
    return places;
  }
}

/**
 * Returns the number of items of a ticket, whatever its name says. The limit restricts how many items a ticket can keep from other
 * consumers.
 */
function roomOf(name: string): number {
  const room = Number(ROOM.exec(name)?.[1] ?? 1);
  return Math.min(Math.max(1, room), MOST_ROOM);
}
