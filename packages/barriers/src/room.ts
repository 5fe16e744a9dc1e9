import {
  BadVersionError,
  type ConnectionState,
  type Keeper,
  KeeperError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  SessionExpiredError,
  type Stat,
} from '@zk-recipes/core';
import {
  childOf,
  giveUp,
  isPassing,
  type Member,
  memberOf,
  orNull,
  sleep,
  untilCreated,
  untilDeleted,
  withAnySignal,
} from '@zk-recipes/core/recipe-kit';
import { type Look, membersAmong, READY, sawOpening } from './round.js';

/** How long, in milliseconds, somebody who gives up waits for a server that may have fallen silent. */
const PATIENCE_MS = 50;

/** The znodes of a double barrier: what the steps of the protocol read and write. */
export class Room {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #ready: string;
  readonly #data: Uint8Array | null;

  constructor(keeper: Keeper, path: string, data: Uint8Array | null) {
    this.#keeper = keeper;
    this.#path = path;
    this.#ready = childOf(path, READY);
    this.#data = data;
  }

  /**
   * Creates a member, and looks in the same round trip.
   *
   * @returns the look is `null` if it was not certainly after the create
   * @throws SessionExpiredError if it is, or may be, of a session that has expired
   */
  async join(name: string, signal: AbortSignal | undefined): Promise<[Member, Look | null]> {
    const create = this.#keeper.create().creatingParents().withMode('EPHEMERAL').idempotent().withStat();
    const creation = create.forPath(childOf(this.#path, name), this.#data, { signal });
    // Missing parents, a lost connection: the create tells of it.
    const looking = this.look(signal).catch(() => null);
    try {
      const member = memberOf(this.#keeper, await creation);
      const look = await looking;
      return [member, look?.members.includes(name) ? look : null];
    } catch (error) {
      if (error instanceof NodeExistsError) throw new SessionExpiredError(`${name} is of a session that has expired`);
      // What passes says nothing of an earlier attempt whose reply was lost.
      const isRefused = error instanceof KeeperError && !isPassing(error);
      if (!(isRefused || error instanceof SessionExpiredError)) this.#abandon(name);
      throw error;
    }
  }

  /** Reads `ready` and lists the members, in one write. Without the path there are none. */
  async look(signal: AbortSignal | undefined): Promise<Look> {
    const listing = this.#keeper.getChildren().withStat().forPath(this.#path, { signal });
    const [ready, list] = await Promise.all([this.#keeper.exists().forPath(this.#ready, { signal }), orNull(listing)]);
    return { ready, members: membersAmong(list?.children ?? []), asOf: list?.stat.pzxid ?? 0n };
  }

  /** Those members that were there before `ready`, in order; none if there is no `ready`. */
  async olderThan(
    ready: Stat | null,
    members: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly string[]> {
    if (ready === null) return [];
    const exists = this.#keeper.exists();
    const stats = await Promise.all(members.map((name) => exists.forPath(childOf(this.#path, name), { signal })));
    return members.filter((_, index) => {
      const stat = stats[index];
      return stat != null && sawOpening(stat, ready);
    });
  }

  /**
   * Creates `ready`, or puts a new one in the place of a stale one, so that who watches that one hears of it; only while the member
   * stands that has found enough of them. Never later than at once: after a lost connection others may have given up.
   *
   * @returns whether it did; else somebody else has been at it, or the outcome is unknown
   */
  async open(member: Member, stale: Stat | null, signal: AbortSignal): Promise<boolean> {
    const checked = this.#keeper.transaction().check(member.path);
    const opening = (stale === null ? checked : checked.delete(this.#ready)).create(this.#ready);
    return await this.#until(['SUSPENDED', 'LOST'], signal, async (within) => {
      try {
        await opening.commit({ signal: within });
        return true;
      } catch (error) {
        if (isUndecided(error)) return false;
        throw error;
      }
    });
  }

  /** @returns whether `ready` has certainly been created; else something may have happened to it, or to the connection */
  async untilOpened(stale: Stat | null, signal: AbortSignal): Promise<boolean> {
    return await this.#until(['RECONNECTED'], signal, async (within) => {
      if (stale === null) return (await untilCreated(this.#keeper, this.#ready, { signal: within })) === null;
      await untilDeleted(this.#keeper, this.#ready, { signal: within, asOf: stale.czxid });
      return false;
    });
  }

  /** Does something, unless the connection comes to one of these states: then the answer is no. */
  async #until(
    states: readonly ConnectionState[],
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<boolean> {
    const ending = new AbortController();
    const onState = (state: ConnectionState): void => {
      if (states.includes(state)) ending.abort();
    };
    this.#keeper.on('state', onState);
    try {
      return await withAnySignal([signal, ending.signal], (first) => work(first ?? signal));
    } catch (error) {
      if (signal.aborted || !ending.signal.aborted) throw error;
      return false;
    } finally {
      this.#keeper.off('state', onState);
    }
  }

  /** @param asOf the zxid as of which the member was listed */
  async untilGone(name: string, asOf: bigint, signal: AbortSignal | undefined): Promise<void> {
    await untilDeleted(this.#keeper, childOf(this.#path, name), { signal, asOf });
  }

  /** Removes an own member, of whichever session: one that was given up may live on for a while. Its name is never used again. */
  async remove(name: string, signal?: AbortSignal | undefined): Promise<void> {
    await this.#keeper.delete().guaranteed().quietly().forPath(childOf(this.#path, name), { signal });
  }

  /** Removes an own member for who gives up, and will not wait for long, nor for a connection: the background goes on. */
  async giveUp(member: Member): Promise<void> {
    const removed = new AbortController();
    const patience = sleep(PATIENCE_MS, removed.signal).catch(() => {});
    await Promise.race([giveUp([member]), patience]).finally(() => removed.abort());
  }

  /**
   * Removes an own member, and `ready` with it: as long as the one stands that saw the barrier open, nobody puts another in the place of
   * the other.
   *
   * @returns whether it did; else one of them is gone already, or the outcome is unknown
   */
  async removeWithReady(member: Member, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#keeper.transaction().delete(member.path).delete(this.#ready).commit({ signal });
      return true;
    } catch (error) {
      if (isUndecided(error)) return false;
      throw error;
    }
  }

  /**
   * Removes `ready` if it is that one still. It is written to before: the answer tells which one it is, and that has then a version which
   * a later one does not have.
   */
  async removeReady(found: Stat, signal: AbortSignal | undefined): Promise<void> {
    try {
      const written = await this.#keeper.setData().idempotent().forPath(this.#ready, null, { signal });
      if (written.czxid !== found.czxid) return;
      await this.#keeper.delete().quietly().withVersion(written.version).forPath(this.#ready, { signal });
    } catch (error) {
      // Somebody else was first.
      if (!(error instanceof NoNodeError || error instanceof BadVersionError)) throw error;
    }
  }

  /** For a create that may have been executed after all. */
  #abandon(name: string): void {
    this.remove(name).catch((error: unknown) => {
      if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, 'removal of a member', this.#path);
    });
  }
}

/** Whether a transaction was not done, or may not have been, for a reason that a look will tell. */
function isUndecided(error: unknown): boolean {
  return error instanceof MultiError || isPassing(error);
}
