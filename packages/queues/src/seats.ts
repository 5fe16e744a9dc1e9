import type { Keeper } from '@zk-recipes/core';
import { childOf, giveUp, type Member, memberOf, namesIn, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { inOrder, type LineOrder, MOST_ROOM, seatFor } from './line-order.js';
import type { Placed } from './turns.js';

/** How many, of those who find nothing to do, keep their eyes on the queue; the others sleep behind one another. */
const AWAKE = 3;

/** A place in the line. */
export interface Seat extends Member {
  /** How many items it stands for. */
  readonly room: number;
}

/** The places that a consumer has in the line of those who would like an item. */
export class Seats {
  readonly #keeper: Keeper;
  readonly #line: string;
  readonly #lapse: AbortSignal;
  #seats: Seat[] = [];
  readonly #short = new Set<Seat>();
  /** Those that are left and not gone yet. */
  readonly #leaving = new Map<Promise<void>, string>();
  readonly #joins = new Set<Promise<void>>();
  #joining = 0;

  /** @param lapse aborts when the session of the places may be over */
  constructor(keeper: Keeper, line: string, lapse: AbortSignal) {
    this.#keeper = keeper;
    this.#line = line;
    this.#lapse = lapse;
  }

  /** For how many items there are places, those included that are about to be taken. */
  get room(): number {
    return this.#seats.reduce((sum, { room }) => sum + room, this.#joining);
  }

  /** For how many items places are about to be taken. */
  get joining(): number {
    return this.#joining;
  }

  /**
   * Takes a place at the end of the line.
   *
   * @param wanted for how many items, as far as one place can stand for them
   * @param isWanted whether it still is when it is taken; else it is left again
   * @throws what a create throws
   */
  async join(wanted: number, isWanted: () => boolean): Promise<void> {
    const joining = this.#join(Math.min(wanted, MOST_ROOM), isWanted);
    const joined = joining.catch(() => {});
    this.#joins.add(joined);
    await joining.finally(() => this.#joins.delete(joined));
  }

  async #join(room: number, isWanted: () => boolean): Promise<void> {
    this.#joining += room;
    try {
      const keeper = this.#keeper;
      const create = keeper.create().creatingParents().withMode('EPHEMERAL_SEQUENTIAL').withProtection().withStat();
      const created = await create.forPath(childOf(this.#line, seatFor(room)), undefined, { signal: this.#lapse });
      await this.keep(Object.assign(memberOf(keeper, created), { room }), isWanted());
    } finally {
      this.#joining -= room;
    }
  }

  /** A place is given up for items, if they are to be had. @param count how many */
  stake(seat: Seat, count: number): void {
    this.#seats = this.#seats.filter((one) => one !== seat);
    if (count < seat.room) this.#short.add(seat);
  }

  /** It is known what came of that. */
  unstake(seat: Seat): void {
    this.#short.delete(seat);
  }

  /** Whether a place is given up for fewer items than it stands for: as long as it is seen in the line the others are left to it. */
  get isShort(): boolean {
    return this.#short.size > 0;
  }

  /** A place is kept, since nothing came of it. */
  async keep(seat: Seat, isWanted: boolean): Promise<void> {
    if (isWanted && !this.#lapse.aborted) this.#seats.push(seat);
    else await this.giveUp([seat]);
  }

  /** The places that are seen in the line, in its order. */
  placed(line: LineOrder): Placed<Seat>[] {
    const places = this.#seats.flatMap((seat) => {
      const place = line.placeOf(seat.name);
      return place === undefined ? [] : [{ ...place, seat }];
    });
    return places.sort((one, other) => one.rank - other.rank);
  }

  /** Leaves places for which there is no need any more, the last ones first. @param needed for how many items some are needed */
  leaveAllBut(needed: number, line: LineOrder): void {
    let room = this.room - this.#joining;
    if (room <= needed) return;
    const rank = ({ name }: Seat): number => line.placeOf(name)?.rank ?? Number.POSITIVE_INFINITY;
    this.#seats.sort((one, other) => rank(one) - rank(other));
    const left: Seat[] = [];
    for (let last = this.#seats.at(-1); last !== undefined && room - last.room >= needed; last = this.#seats.at(-1)) {
      room -= last.room;
      this.#seats.pop();
      left.push(last);
    }
    void this.giveUp(left);
  }

  /** Leaves the line. */
  async leave(): Promise<void> {
    await this.giveUp(this.#seats.splice(0));
  }

  /** Leaves places, and does not wait long for them to be gone. Never rejects: of a refusal the background tells. */
  async giveUp(seats: readonly Seat[]): Promise<void> {
    for (const seat of seats) {
      const leaving = seat.remove().catch(() => {});
      this.#leaving.set(leaving, seat.path);
      void leaving.then(() => this.#leaving.delete(leaving));
    }
    await giveUp(seats);
  }

  /** Resolves when no place is being taken or left any more: it is gone, or its removal was refused. */
  async untilLeft(): Promise<void> {
    while (this.#joins.size + this.#leaving.size > 0) await Promise.all([...this.#joins, ...this.#leaving.keys()]);
  }

  /** Paths of the places that are being left; the line itself for one that is being taken. */
  get leaving(): readonly string[] {
    return [...this.#leaving.values(), ...(this.#joins.size > 0 ? [this.#line] : [])];
  }

  /** Whether so many stand before all of them that there is nothing to be had for a while. */
  areFarBack(line: LineOrder, available: number): boolean {
    if (this.#seats.length === 0 || this.#joining > 0) return false;
    return this.#seats.every(({ name }) => {
      const { rank = 0, before = 0 } = line.placeOf(name) ?? {};
      return rank > AWAKE && before > available + AWAKE;
    });
  }

  /** Waits until the first of them is near the front: asleep behind the one before, so that each departure wakes one. */
  async untilNear(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const names = inOrder(await namesIn(this.#keeper, this.#line, { signal }));
      const position = Math.min(...this.#seats.map(({ name }) => names.indexOf(name)));
      const before = names[position - 1];
      if (position <= AWAKE || before === undefined) return;
      await untilDeleted(this.#keeper, childOf(this.#line, before), { signal });
    }
  }
}
