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

/** Longest wait, in milliseconds, of a caller that gives up, for a server that may have stopped answering. */
const PATIENCE_MS = 50;

/** Znodes of a double barrier, with the reads and writes of the protocol's steps. */
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
   * @returns member and look; the look is `null` if it was not certainly executed after the create
   * @throws {SessionExpiredError} when the member belongs, or may belong, to a session that has expired
   */
  async join(name: string, signal: AbortSignal | undefined): Promise<[Member, Look | null]> {
    const create = this.#keeper.create().creatingParents().withMode('EPHEMERAL').idempotent().withStat();
    const creation = create.forPath(childOf(this.#path, name), this.#data, { signal });
    // The create reports the same failure: missing parents, or a lost connection.
    const looking = this.look(signal).catch(() => null);
    try {
      const member = memberOf(this.#keeper, await creation);
      const look = await looking;
      return [member, look?.members.includes(name) ? look : null];
    } catch (error) {
      if (error instanceof NodeExistsError) throw new SessionExpiredError(`${name} is of a session that has expired`);
      // A passing failure says nothing about an earlier attempt whose reply was lost.
      const isRefused = error instanceof KeeperError && !isPassing(error);
      if (!(isRefused || error instanceof SessionExpiredError)) this.#abandon(name);
      throw error;
    }
  }

  /** Reads `ready` and lists the members, in one write to the connection. If the path does not exist, there are no members. */
  async look(signal: AbortSignal | undefined): Promise<Look> {
    const listing = this.#keeper.getChildren().withStat().forPath(this.#path, { signal });
    const [ready, list] = await Promise.all([this.#keeper.exists().forPath(this.#ready, { signal }), orNull(listing)]);
    return { ready, members: membersAmong(list?.children ?? []), asOf: list?.stat.pzxid ?? 0n };
  }

  /** Returns the members that were there before `ready`, in order; none if there is no `ready`. */
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
   * Creates `ready`, or replaces a stale one so that its watchers are notified. The transaction checks that the member that found enough
   * members still stands. The attempt is not repeated after a lost connection, because other members may have given up by then.
   *
   * @returns whether `ready` was created; otherwise another member has changed it, or the outcome is unknown
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

  /**
   * Waits until `ready` is created, or until the stale one is gone.
   *
   * @returns whether `ready` has certainly been created; otherwise `ready` or the connection may have changed
   */
  async untilOpened(stale: Stat | null, signal: AbortSignal): Promise<boolean> {
    return await this.#until(['RECONNECTED'], signal, async (within) => {
      if (stale === null) return (await untilCreated(this.#keeper, this.#ready, { signal: within })) === null;
      await untilDeleted(this.#keeper, this.#ready, { signal: within, asOf: stale.czxid });
      return false;
    });
  }

  /** Runs work until the connection enters one of these states; returns `false` then. */
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

  /**
   * Waits until a member is gone.
   *
   * @param asOf zxid as of which the member was listed
   */
  async untilGone(name: string, asOf: bigint, signal: AbortSignal | undefined): Promise<void> {
    await untilDeleted(this.#keeper, childOf(this.#path, name), { signal, asOf });
  }

  /** Removes an own member of any session: a session that was given up may live on for a while. The name is never used again. */
  async remove(name: string, signal?: AbortSignal | undefined): Promise<void> {
    await this.#keeper.delete().guaranteed().quietly().forPath(childOf(this.#path, name), { signal });
  }

  /**
   * Removes an own member for a caller that gives up. The wait is short, and does not include a wait for a connection; the background
   * continues.
   */
  async giveUp(member: Member): Promise<void> {
    const removed = new AbortController();
    const patience = sleep(PATIENCE_MS, removed.signal).catch(() => {});
    await Promise.race([giveUp([member]), patience]).finally(() => removed.abort());
  }

  /**
   * Removes an own member, and `ready` with it. While the member stands that saw the barrier open, no other member replaces `ready`.
   *
   * @returns whether both were removed; otherwise one of them is gone already, or the outcome is unknown
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
   * Removes `ready` if it is still the given one. Writes to it first: the reply identifies the znode, and the write gives it a version
   * that a later `ready` does not have.
   */
  async removeReady(found: Stat, signal: AbortSignal | undefined): Promise<void> {
    try {
      const written = await this.#keeper.setData().idempotent().forPath(this.#ready, null, { signal });
      if (written.czxid !== found.czxid) return;
      await this.#keeper.delete().quietly().withVersion(written.version).forPath(this.#ready, { signal });
    } catch (error) {
      // Another member has removed or replaced `ready`.
      if (!(error instanceof NoNodeError || error instanceof BadVersionError)) throw error;
    }
  }

  /** Removes the member of a create that the server may have executed after all. */
  #abandon(name: string): void {
    this.remove(name).catch((error: unknown) => {
      if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, 'removal of a member', this.#path);
    });
  }
}

/** Returns whether a transaction was not executed, or perhaps not, for a reason that the next look shows. */
function isUndecided(error: unknown): boolean {
  return error instanceof MultiError || isPassing(error);
}
