import type { Keeper } from '@zk-recipes/core';
import { isPassing, withinSession } from '@zk-recipes/core/recipe-kit';
import type { Claim, Claims } from './claims.js';
import { ClaimGone, Settlement } from './settlement.js';

/**
 * Gives a claim back as long as its session lives, which may be longer than is certain.
 *
 * @param isUnseen whether nobody has begun to work on the item: then it was no attempt
 */
export async function giveBack(keeper: Keeper, claims: Claims, claim: Claim, isUnseen: boolean): Promise<void> {
  const isCounted = isUnseen && !claim.isExhausted;
  const change = isCounted ? { attempts: claim.record.attempts - 1 } : {};
  try {
    await withinSession(keeper, claim.epoch, undefined, (signal) =>
      new Settlement(keeper, signal).giveBack(claim, change),
    );
  } catch (error) {
    const isOver = error instanceof ClaimGone || isPassing(error);
    if (isOver && isUnseen) await claims.uncount(claim);
    if (!isOver && !keeper.closed) throw error;
  }
}
