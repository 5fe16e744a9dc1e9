import { inSequence, isPlaceName } from '@zk-recipes/core/recipe-kit';

/** Name of a place in the line, before the server's number. */
const SEAT = 'seat-';
/** One that stands for several items says so before that. */
const ROOM = /(?:^|-)(\d{1,4})-seat-\d{10}$/;
/** For so many items one place may stand at most, and so many are claimed by one transaction. */
export const MOST_ROOM = 100;

/** A place in the line. */
export interface Place {
  /** How many places are before it. */
  readonly rank: number;
  /** How many items those take. */
  readonly before: number;
  /** How many it takes itself. */
  readonly room: number;
}

/** Name to be given to a place, before the server's number. @param room how many items it stands for: 1 to 100 */
export function seatFor(room: number): string {
  return room === 1 ? SEAT : `${room}-${SEAT}`;
}

/** The names of places in the order of the line. */
export function inOrder(names: readonly string[]): string[] {
  return inSequence(names, SEAT);
}

/** Those who stand in line for items: the first of them takes the first items, as many as it stands for. Pure. */
export class LineOrder {
  readonly #names = new Set<string>();
  #places: ReadonlyMap<string, Place> | null = null;
  #room = 0;

  /** A name that no server can have numbered is passed over. */
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

  /** How many items all together take. */
  get room(): number {
    return this.#room;
  }

  /** `undefined` if it is not seen there. */
  placeOf(name: string): Place | undefined {
    this.#places ??= this.#inOrder();
    return this.#places.get(name);
  }

  /** How many stand before who takes the item at an index. Of those behind the line it is the number of all. */
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

/** Whatever a name says, nobody keeps more than so many items from others. */
function roomOf(name: string): number {
  const room = Number(ROOM.exec(name)?.[1] ?? 1);
  return Math.min(Math.max(1, room), MOST_ROOM);
}
