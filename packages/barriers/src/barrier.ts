import { type Keeper, NodeExistsError, ZnodeOwnerError } from '@zk-recipes/core';
import { acrossSessions, checkPlace, realPath, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { checkWait, type WaitOptions } from './options.js';

/*
 * Guarantee
 *   Whoever waits while the barrier is set goes on when it is removed, also if it was set again before anybody looked; nobody goes on
 *   before. Setting and removing may be done by anybody, any number of times, Curator's DistributedBarrier included.
 * Not guaranteed
 *   That a wait sees what another client has just set, when the two are connected to different servers: `keeper.sync()` before it does
 *   that. That a remove whose reply was lost takes away no more than what was set when it was called: it is sent again.
 * Znodes
 *   <path> itself, persistent, with the `defaultData` of the `Keeper`. Curator's DistributedBarrier has the same.
 * Protocol
 *   1. Look whether the znode is there. If not, the barrier is open.
 *   2. Watch it, until it is gone or of a later transaction than the one that was found.
 * Failures
 *   reply to a set or remove lost   sent again: that it is there, or gone, is success
 *   session expires while waiting   goes on in the next one, waiting for the same znode
 *   disconnected while waiting      the watch is set again on reconnect, which tells what was missed
 *   removed and set again, unseen   another czxid: it has been open
 *   data changed by hand            looked at again
 *   parents missing                 set makes them
 *   an ephemeral has the path       set rejects, since it would go with its session; who waits waits for it
 *   given up at any point           rejects with the signal's reason; no watch is left
 */

/** Holds up all who come, until it is removed. @see https://zookeeper.apache.org/doc/current/recipes.html, "Barriers" */
export class Barrier {
  /** Path of the barrier. */
  readonly path: string;
  readonly #keeper: Keeper;

  /** @throws TypeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string) {
    const unlimited = checkPlace(keeper, path);
    this.path = path;
    this.#keeper = unlimited;
  }

  /**
   * Sets the barrier: from now on, who comes waits. Nothing happens if it is set already.
   *
   * @throws ZnodeOwnerError if an ephemeral has its path: it would open the barrier with the end of its session
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

  /** Removes the barrier: all who wait go on. Nothing happens if it is not set. */
  async remove(options: WaitOptions = {}): Promise<void> {
    checkWait('remove of Barrier', options);
    await this.#keeper.limited.delete().quietly().forPath(this.path, options);
  }

  /** Whether it is set, as far as the server knows that this client is connected to. */
  async isSet(options: WaitOptions = {}): Promise<boolean> {
    checkWait('isSet of Barrier', options);
    return (await this.#keeper.limited.exists().forPath(this.path, options)) !== null;
  }

  /**
   * Waits until the barrier is removed; not at all if it is not set.
   *
   * @throws ConnectionLossError if there is no connection at the beginning and the retries are used up; the signal's reason
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
