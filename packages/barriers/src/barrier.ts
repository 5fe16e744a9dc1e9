import { type Keeper, NodeExistsError, ZnodeOwnerError } from '@zk-recipes/core';
import { acrossSessions, checkPlace, realPath, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { checkWait, type WaitOptions } from './options.js';

/*
 * Guarantee
 *   A wait that begins while the barrier is set ends when the barrier is removed, also if it was set again before the waiter read it; no
 *   wait ends before. Any client may set and remove the barrier any number of times, Curator's DistributedBarrier included.
 * Not guaranteed
 *   That a wait sees a barrier that another client has just set, when the two are connected to different servers: `keeper.sync()` before
 *   the wait ensures that. That a remove whose reply was lost removes only the barrier that was set when it was called: it is sent again.
 * Znodes
 *   <path> itself, persistent, with the `defaultData` of the `Keeper`. Curator's DistributedBarrier has the same.
 * Protocol
 *   1. Look whether the znode exists. If not, the barrier is open.
 *   2. Watch it, until it is gone or of a later transaction than the znode that was found.
 * Failures
 *   reply to a set or remove lost   sent again: a znode that exists, or is gone, is success
 *   session expires while waiting   the wait continues in the next session, for the same znode
 *   disconnected while waiting      the watch is set again on reconnect, and reports missed changes
 *   removed and set again, unseen   another czxid: the barrier has been open
 *   data changed by hand            read again
 *   parents missing                 set creates them
 *   an ephemeral has the path       set rejects, since the znode would go with its session; a wait waits for its end
 *   given up at any point           rejects with the signal's reason; no watch is left
 */

/**
 * Barrier that holds up all waiters until it is removed.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Barriers"
 */
export class Barrier {
  /** Path of the barrier. */
  readonly path: string;
  readonly #keeper: Keeper;

  /** @throws {TypeError} when an argument is wrong; the message names the argument */
  constructor(keeper: Keeper, path: string) {
    const unlimited = checkPlace(keeper, path);
    this.path = path;
    this.#keeper = unlimited;
  }

  /**
   * Sets the barrier: from now on, `wait` waits. Does nothing if the barrier is set already.
   *
   * @throws {ZnodeOwnerError} when an ephemeral has the path: the end of its session would open the barrier
   */
  async set(options: WaitOptions = {}): Promise<void> {
    checkWait('set of Barrier', options);
    const { limited } = this.#keeper;
    for (;;) {
      try {
        await limited.create().creatingParents().idempotent().forPath(this.path, options);
        return;
      } catch (error) {
        if (!(error instanceof NodeExistsError)) throw error;
      }
      const found = await limited.exists().forPath(this.path, options);
      if (found !== null && found.ephemeralOwner !== 0n) {
        throw new ZnodeOwnerError(realPath(limited, this.path), 0n, found.ephemeralOwner);
      }
      if (found !== null) return;
    }
  }

  /** Removes the barrier: all waiters continue. Does nothing if the barrier is not set. */
  async remove(options: WaitOptions = {}): Promise<void> {
    checkWait('remove of Barrier', options);
    await this.#keeper.limited.delete().quietly().forPath(this.path, options);
  }

  /** Returns whether the barrier is set, as far as the server of this connection knows. */
  async isSet(options: WaitOptions = {}): Promise<boolean> {
    checkWait('isSet of Barrier', options);
    return (await this.#keeper.limited.exists().forPath(this.path, options)) !== null;
  }

  /**
   * Waits until the barrier is removed; returns at once if the barrier is not set.
   *
   * @throws {ConnectionLossError} when there is no connection at the beginning and the retries are used up
   * @throws the signal's reason
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    checkWait('wait of Barrier', options);
    const { signal } = options;
    const found = await this.#keeper.exists().forPath(this.path, { signal }); // step 1
    if (found === null) return;
    const gone = (): Promise<void> => untilDeleted(this.#keeper, this.path, { signal, asOf: found.czxid }); // step 2
    await acrossSessions(this.#keeper, signal, gone);
  }
}
