import type { Keeper } from '@zk-recipes/core';
import { childOf, giveUp, type Member, memberOf, namesIn, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { inOrder, type LineOrder, MOST_ROOM, seatFor } from './line-order.js';
import type { Placed } from './turns.js';

/** Largest number of tickets ahead of a consumer that watches the queue. Each other idle consumer watches only the ticket ahead. */
const AWAKE = 3;

/** Ticket: a place in the line of idle consumers. */
export interface Seat extends Member {
  /** Number of items of the ticket. */
  readonly room: number;
}

/** Tickets of a consumer in the line of idle consumers. */
export class Seats {
  readonly #keeper: Keeper;
  readonly #line: string;
  readonly #lapse: AbortSignal;
  #seats: Seat[] = [];
  readonly #short = new Set<Seat>();
  /** Removals of tickets that are under way, with the paths of the tickets. */
  readonly #leaving = new Map<Promise<void>, string>();
  readonly #joins = new Set<Promise<void>>();
  #joining = 0;

  /** @param lapse aborts when the session of the tickets may be over */
  constructor(keeper: Keeper, line: string, lapse: AbortSignal) {
    this.#keeper = keeper;
    this.#line = line;
    this.#lapse = lapse;
  }

  /** Number of items of all tickets, including tickets that are being created. */
  get room(): number {
    return this.#seats.reduce((sum, { room }) => sum + room, this.#joining);
  }

  /** Number of items of the tickets that are being created. */
  get joining(): number {
    return this.#joining;
  }

  /**
   * Creates a ticket at the end of the line.
   *
   * @param wanted number of items; the ticket is for at most `MOST_ROOM` of them
   * @param isWanted whether the ticket is still wanted when it exists; otherwise it is deleted again
   * @throws the errors of a create
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

  /** Uses a ticket for items that are being claimed. @param count number of the items */
  stake(seat: Seat, count: number): void {
    this.#seats = this.#seats.filter((one) => one !== seat);
    if (count < seat.room) this.#short.add(seat);
  }

  /** Ends the use of a ticket: the outcome of the claims is known. */
  unstake(seat: Seat): void {
    this.#short.delete(seat);
  }

  /**
   * Whether a ticket is being used for fewer items than it is for. While the line shows such a ticket, the remaining items are left to it.
   */
  get isShort(): boolean {
    return this.#short.size > 0;
  }

  /** Keeps a ticket whose claim has failed, or deletes it if it is no longer wanted. */
  async keep(seat: Seat, isWanted: boolean): Promise<void> {
    if (isWanted && !this.#lapse.aborted) this.#seats.push(seat);
    else await this.giveUp([seat]);
  }

  /** Returns the tickets that the line shows, in the order of the line. */
  placed(line: LineOrder): Placed<Seat>[] {
    const places = this.#seats.flatMap((seat) => {
      const place = line.placeOf(seat.name);
      return place === undefined ? [] : [{ ...place, seat }];
    });
    return places.sort((one, other) => one.rank - other.rank);
  }

  /** Deletes tickets that are no longer needed, the last ones first. @param needed number of items for which tickets are needed */
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

  /** Deletes all tickets. */
  async leave(): Promise<void> {
    await this.giveUp(this.#seats.splice(0));
  }

  /** Deletes tickets, and waits only briefly for their deletion. Never rejects: the background reports a refusal. */
  async giveUp(seats: readonly Seat[]): Promise<void> {
    for (const seat of seats) {
      const leaving = seat.remove().catch(() => {});
      this.#leaving.set(leaving, seat.path);
      void leaving.then(() => this.#leaving.delete(leaving));
    }
    await giveUp(seats);
  }

  /** Resolves when no ticket is being created or deleted: each ticket is gone, or its removal was refused. */
  async untilLeft(): Promise<void> {
    while (this.#joins.size + this.#leaving.size > 0) await Promise.all([...this.#joins, ...this.#leaving.keys()]);
  }

  /** Paths of the tickets that are being deleted; the line itself for a ticket that is being created. */
  get leaving(): readonly string[] {
    return [...this.#leaving.values(), ...(this.#joins.size > 0 ? [this.#line] : [])];
  }

  /** Whether so many tickets are ahead of all own tickets that no item is available to them soon. */
  areFarBack(line: LineOrder, available: number): boolean {
    if (this.#seats.length === 0 || this.#joining > 0) return false;
    return this.#seats.every(({ name }) => {
      const { rank = 0, before = 0 } = line.placeOf(name) ?? {};
      return rank > AWAKE && before > available + AWAKE;
    });
  }

  /** Waits until the first own ticket is near the front. Watches only the ticket ahead, so that each departure wakes one consumer. */
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
