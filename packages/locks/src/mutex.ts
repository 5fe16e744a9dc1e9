import type { Keeper } from '@zk-recipes/core';
import { checkOptions, checkPlace } from '@zk-recipes/core/recipe-kit';
import { EnteredHold } from './entrances.js';
import { mutexRule } from './line-rules.js';
import { Lock } from './lock.js';
import { type LockOptions, schemas } from './options.js';

/*
 * Guarantee
 *   Of all mutexes on one path, Curator's included, at most one is held with a valid clock at any time, unless somebody deletes the
 *   holder's znode. First come, first served. A hold's signal aborts before the server can give the lock to another; fencing tokens grow
 *   from hold to hold. Whatever becomes of an acquisition, it leaves no znode that stands in the way of others.
 * Not guaranteed
 *   That code of a holder that was paused beyond its session does not run on: `guard()` and the fencing token are for that. That a holder
 *   knows first when its znode is deleted by hand, or by `revoke({ forceAfterMs })`: it hears of that when the next in line does, and for a
 *   moment both may believe to hold; only `guard()` and the token keep them apart. That a lock whose holder crashed is free before its
 *   session has timed out. Fairness towards one whose session expired: it begins at the end.
 * Znodes
 *   <path>/_c_<uuid>-lock-<number>, ephemeral sequential, its data who it is. Curator's InterProcessMutex has the same.
 * Protocol
 *   That of lock.ts. Who stands directly before the own znode stands in the way; numbers only grow, so when the first in the line has gone
 *   the second need not look again.
 * Failures
 *   reply to the create lost      found again by its uuid; of another session: removed, created anew
 *   reply to the delete lost      deleted again until it is gone, in the background if need be
 *   session expires in the line   back to 1 in the new session, at the end of the line
 *   session expires while held    the clock has run out before: the hold is lost, release() has nothing to do
 *   disconnected in the line      the place is kept; watches are set again on reconnect, which tells what was missed
 *   disconnected while held       stands while the clock runs (or ends at once: lossPolicy 'connection')
 *   predecessor leaves or dies    its follower alone is woken
 *   given up at any point         the znode is removed, if need be in the background; rejects with the signal's reason
 *   own znode deleted             in the line: back to 1; while held: the hold is lost
 *   path removed, container reaped  the create makes it again
 *   foreign znode in the line     passed over, waited for as by Curator, or refused by name: see `isPlaceName`, `isKnownPlace`
 */

/** A lock that one at a time can hold. @see https://zookeeper.apache.org/doc/current/recipes.html, "Locks" */
export class Mutex extends Lock {
  /** @throws TypeError for a wrong argument, which it names */
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
