import { ClosedError, NoNodeError, SessionExpiredError } from 'zookeeper-ts-client';
import { HoldLostError } from '../errors.js';
import type { Keeper } from '../keeper.js';
import { acrossSessions } from './across-sessions.js';
import type { Hold } from './hold.js';
import { giveUp, type Member } from './member.js';
import { isToLookAgain, type Patience } from './patience.js';

/**
 * Stands in line until a lock or another resource is acquired; on failure it leaves no znode in the line. If only the own place was lost,
 * the call begins again at the end of the line. A place is lost with the session, by a deletion by hand, or if the validity clock runs
 * out at the moment of the grant.
 *
 * @param enrol takes the place, or several places
 * @param proceed waits for the turn of the place
 * @throws the errors of `enrol` and `proceed`, and the reason of the caller's signal
 */
export async function standInLine<Place extends Member | readonly Member[], T>(
  keeper: Keeper,
  patience: Patience,
  enrol: () => Promise<Place>,
  proceed: (place: Place) => Promise<T>,
): Promise<T> {
  for (;;) {
    patience.lookAgain();
    const place = await acrossSessions(keeper, patience.signal, enrol);
    try {
      patience.throwIfGivenUp();
      return await proceedPatiently(patience, place, proceed);
    } catch (error) {
      await giveUp([place].flat());
      patience.throwIfGivenUp();
      if (keeper.closed) throw new ClosedError('keeper is closed');
      if (!isLossOfPlace(error)) throw error;
    }
  }
}

/** Waits for the turn of the place. Starts again with the same place when the line must be read again. */
async function proceedPatiently<Place extends Member | readonly Member[], T>(
  patience: Patience,
  place: Place,
  proceed: (place: Place) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await proceed(place);
    } catch (error) {
      if (!isToLookAgain(error)) throw error;
      // The list that came with a place is as old as the place.
      for (const member of [place].flat()) member.forgetSiblings();
      patience.lookAgain();
    }
  }
}

function isLossOfPlace(error: unknown): boolean {
  return error instanceof SessionExpiredError || error instanceof NoNodeError || error instanceof HoldLostError;
}

/**
 * Returns a new hold, unless it is already lost because the clock ran out during the wait.
 *
 * @throws {HoldLostError} when the hold is already lost
 */
export function handOut<H extends Hold>(hold: H): H {
  if (hold.state === 'lost') throw hold.signal.reason;
  return hold;
}

/**
 * Runs a function while a hold stands, and releases the hold afterwards.
 *
 * @throws {HoldLostError} when the hold is lost before the function ends; its `cause` is the error of the function, if that is another
 *   one
 */
export async function runWhileHeld<H extends Hold, T>(hold: H, fn: (hold: H) => Promise<T> | T): Promise<T> {
  const letGo = async (): Promise<HoldLostError | null> => {
    const loss = hold.state === 'lost' ? (hold.signal.reason as HoldLostError) : null;
    // The result of the function matters more than a znode that stays for a while. The background reports a refusal.
    await hold.release().catch(() => {});
    return loss;
  };
  let result: T;
  try {
    result = await fn(hold);
  } catch (error) {
    const loss = await letGo();
    if (loss === null || error === loss) throw error;
    throw new HoldLostError(loss.path, loss.reason, { cause: error });
  }
  const loss = await letGo();
  if (loss !== null) throw loss;
  return result;
}
