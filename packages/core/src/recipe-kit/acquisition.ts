import { ClosedError, NoNodeError, SessionExpiredError } from 'zookeeper-ts-client';
import { HoldLostError } from '../errors.js';
import type { Keeper } from '../keeper.js';
import { acrossSessions } from './across-sessions.js';
import type { Hold } from './hold.js';
import { giveUp, type Member } from './member.js';
import { isToLookAgain, type Patience } from './patience.js';

/**
 * Stands in line until something is acquired, and leaves no znode in it when that fails. Where only the own place was lost (with the
 * session, by somebody's hand, or since the validity clock ran out at the moment of the grant), it begins anew at the end of the line.
 *
 * @param enrol takes the place, or several
 * @param proceed waits for its turn
 * @throws what they throw; the reason of the patient one's signal
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

/** Waits for its turn, and once more from the beginning with the same place when the line is to be read again. */
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
      // What came with the places is as of their creation.
      for (const member of [place].flat()) member.forgetSiblings();
      patience.lookAgain();
    }
  }
}

function isLossOfPlace(error: unknown): boolean {
  return error instanceof SessionExpiredError || error instanceof NoNodeError || error instanceof HoldLostError;
}

/**
 * Hands out a hold that was just made, unless it is over already: when the clock ran out while it was waited for.
 *
 * @throws HoldLostError
 */
export function handOut<H extends Hold>(hold: H): H {
  if (hold.state === 'lost') throw hold.signal.reason;
  return hold;
}

/**
 * Runs a function while something is held, and lets go afterwards.
 *
 * @throws HoldLostError if the hold was lost before the function ended; its `cause` is what the function threw, if anything else
 */
export async function runWhileHeld<H extends Hold, T>(hold: H, fn: (hold: H) => Promise<T> | T): Promise<T> {
  const letGo = async (): Promise<HoldLostError | null> => {
    const loss = hold.state === 'lost' ? (hold.signal.reason as HoldLostError) : null;
    // What becomes of the function matters more than a znode that stays for a while. Of a refusal the background tells.
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
