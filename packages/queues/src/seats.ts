import type { Keeper } from '@zk-recipes/core';
import { childOf, giveUp, inSequence, type Member, memberOf, namesIn, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { type QueueView, SEAT } from './queue-view.js';
import type { Placed } from './turns.js';

/** How many, of those who find nothing to do, keep their eyes on the queue; the others sleep behind one another. */
const AWAKE = 3;

/** The places that a consumer has in the line of those who would like an item. */
export class Seats {
  readonly #keeper: Keeper;
  readonly #line: string;
  readonly #lapse: AbortSignal;
  #seats: Member[] = [];
  #joining = 0;

  /** @param lapse aborts when the session of the places may be over */
  constructor(keeper: Keeper, line: string, lapse: AbortSignal) {
    this.#keeper = keeper;
    this.#line = line;
    this.#lapse = lapse;
  }

  /** Number of places, those included that are about to be taken. */
  get count(): number {
    return this.#seats.length + this.#joining;
  }

  /** Number of places that are about to be taken. */
  get joining(): number {
    return this.#joining;
  }

  /**
   * Takes a place, at the end of the line.
   *
   * @param isWanted whether it still is when it is taken; else it is left again
   * @throws what a create throws
   */
  async join(isWanted: () => boolean): Promise<void> {
    this.#joining += 1;
    try {
      const keeper = this.#keeper;
      const create = keeper.create().creatingParents().withMode('EPHEMERAL_SEQUENTIAL').withProtection().withStat();
      const created = await create.forPath(childOf(this.#line, SEAT), undefined, { signal: this.#lapse });
      await this.keep(memberOf(keeper, created), isWanted());
    } finally {
      this.#joining -= 1;
    }
  }

  /** A place is given up for an item, if that is to be had. */
  stake(seat: Member): void {
    this.#seats = this.#seats.filter((one) => one !== seat);
  }

  /** A place is kept, since nothing came of it. */
  async keep(seat: Member, isWanted: boolean): Promise<void> {
    if (isWanted && !this.#lapse.aborted) this.#seats.push(seat);
    else await giveUp([seat]);
  }

  /** The places that are seen in the line. */
  placed(view: QueueView): Placed<Member>[] {
    return this.#seats.flatMap((seat) => {
      const position = view.positionOf(seat.name);
      return position === undefined ? [] : [{ seat, position }];
    });
  }

  /** Leaves places for which there is no need any more, the last ones first. */
  leaveAllBut(needed: number, view: QueueView): void {
    if (this.#seats.length <= needed) return;
    const position = ({ name }: Member): number => view.positionOf(name) ?? Number.POSITIVE_INFINITY;
    this.#seats.sort((one, other) => position(one) - position(other));
    void giveUp(this.#seats.splice(Math.max(0, needed)));
  }

  /** Leaves the line. */
  async leave(): Promise<void> {
    await giveUp(this.#seats.splice(0));
  }

  /** Whether so many stand before all of them that there is nothing to be had for a while. */
  areFarBack(view: QueueView, available: number): boolean {
    if (this.#seats.length === 0 || this.#joining > 0) return false;
    return this.#seats.every(({ name }) => (view.positionOf(name) ?? 0) > available + AWAKE);
  }

  /** Waits until the first of them is near the front: asleep behind the one before, so that each departure wakes one. */
  async untilNear(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const names = inSequence(await namesIn(this.#keeper, this.#line, { signal }), SEAT);
      const position = Math.min(...this.#seats.map(({ name }) => names.indexOf(name)));
      const before = names[position - 1];
      if (position <= AWAKE || before === undefined) return;
      await untilDeleted(this.#keeper, childOf(this.#line, before), { signal });
    }
  }
}
