import type { Keeper } from '@zk-recipes/core';
import { isPassing, withinSession } from '@zk-recipes/core/recipe-kit';
import type { AttemptRecord } from './attempt-record.js';
import type { Claim, Claims } from './claims.js';
import { ClaimGone, isRefusal, Settlement } from './settlement.js';

/**
 * Releases a claim by the first of three transactions that the server permits. The first writes the given change to the record. The second
 * writes it without a reason, which takes less room than the claim took. The third leaves the record as the claim has written it. A quota
 * may refuse the first two.
 *
 * @param change change of the record
 * @throws ClaimGone; the refusal of the last transaction
 */
export async function relinquish(settlement: Settlement, claim: Claim, change: Partial<AttemptRecord>): Promise<void> {
  try {
    return await settlement.giveBack(claim, change);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  try {
    return await settlement.giveBack(claim, { ...change, reason: null });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  await settlement.release(claim);
}

/**
 * Releases a claim as long as its session lives, which may be longer than its clock guarantees.
 *
 * @param isUnseen whether no handler has begun to work on the item: then the claim does not count as an attempt
 */
export async function giveBack(keeper: Keeper, claims: Claims, claim: Claim, isUnseen: boolean): Promise<void> {
  const isCounted = isUnseen && !claim.isExhausted;
  const change = isCounted ? { attempts: claim.record.attempts - 1 } : {};
  try {
    await withinSession(keeper, claim.epoch, undefined, (signal) =>
      relinquish(new Settlement(keeper, signal), claim, change),
    );
  } catch (error) {
    const isOver = error instanceof ClaimGone || isPassing(error);
    if (isOver && isUnseen) await claims.uncount(claim);
    if (!isOver && !keeper.closed) throw error;
  }
}
