import type { Keeper } from '@zk-recipes/core';
import { checkOptions, checkPlace } from '@zk-recipes/core/recipe-kit';
import { EnteredHold } from './entrances.js';
import { mutexRule } from './line-rules.js';
import { Lock } from './lock.js';
import { type LockOptions, schemas } from './options.js';

/*
 * Guarantee
 *   Of all mutexes on one path, Curator's included, at most one is held with a valid clock at any time, unless a client deletes the
 *   holder's znode. Waiters are granted the lock in the order of their arrival. A hold's signal aborts before the server can grant the
 *   lock to another contender. Fencing tokens grow from hold to hold. However an acquisition ends, it leaves no znode that blocks others.
 * Not guaranteed
 *   That the code of a holder that was paused beyond its session stops: use `guard()` and the fencing token for that. That a holder learns
 *   of its loss first when its znode is deleted by hand, or by `revoke({ forceAfterMs })`: the holder learns of the deletion when the next
 *   waiter does, and for a moment both may believe that they hold the lock; only `guard()` and the token keep them apart. That a lock
 *   whose holder crashed is free before its session has timed out. Fairness for a contender whose session expired: it rejoins at the end.
 * Znodes
 *   <path>/_c_<uuid>-lock-<number>, ephemeral sequential; its data identifies the contender. The same as in Curator's InterProcessMutex.
 * Protocol
 *   The protocol of lock.ts. The blocker is the znode directly ahead. Numbers only grow, so the second contender does not list the line
 *   again after the first one is gone.
 * Failures
 *   reply to the create lost      found again by its uuid; of another session: removed, created anew
 *   reply to the delete lost      deleted again until it is gone, in the background if necessary
 *   session expires in the line   back to 1 in the new session, at the end of the line
 *   session expires while held    the clock has run out before: the hold is lost, release() has nothing to do
 *   disconnected in the line      the place is kept; watches are set again on reconnect, and report missed changes
 *   disconnected while held       the hold stands while its clock runs (or ends at once: lossPolicy 'connection')
 *   predecessor leaves or dies    only its follower is woken
 *   given up at any point         the znode is removed, in the background if necessary; rejects with the signal's reason
 *   own znode deleted             in the line: back to 1; while held: the hold is lost
 *   path removed, container reaped  the create makes it again
 *   foreign znode in the line     ignored, waited for as in Curator, or refused by name: see `isPlaceName`, `isKnownPlace`
 */

/**
 * Mutex: one contender at a time holds the lock.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Locks"
 */
export class Mutex extends Lock {
  /** @throws {TypeError} when an argument is wrong; the message names the argument */
  constructor(keeper: Keeper, path: string, options: LockOptions = {}) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('Mutex', schemas.lock, options);
    super(
      unlimited,
      path,
      { name: 'Mutex', rule: mutexRule, enter: (entrances) => new EnteredHold(entrances) },
      options,
    );
  }
}
