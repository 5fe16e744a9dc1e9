import { SessionExpiredError } from 'zookeeper-ts-client';
import type { HoldLostReason } from '../errors.js';
import type { Keeper } from '../keeper.js';

/** The longest delay of a timer; longer ones would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Whether and for how long the session of that epoch is certainly alive, in milliseconds. */
export function epochValidForMs(keeper: Keeper, epoch: number): number {
  return keeper.sessionEpoch === epoch ? keeper.validForMs() : 0;
}

/**
 * Calls back once, as soon as the session of that epoch may be over on the server: by its end, or by the validity clock.
 *
 * @returns cancels it
 */
export function onSessionLapse(keeper: Keeper, epoch: number, callback: (reason: HoldLostReason) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    clearTimeout(timer);
    keeper.off('state', look);
  };
  // The clock moves on while the session is alive, so the timer only looks; and it may come late, so others look too.
  function look(): void {
    clearTimeout(timer);
    const leftMs = epochValidForMs(keeper, epoch);
    if (leftMs > 0) {
      timer = setTimeout(look, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
      return;
    }
    cancel();
    callback(keeper.closed ? 'closed' : keeper.sessionEpoch === epoch ? 'validity' : 'expired');
  }
  keeper.on('state', look);
  look();
  return cancel;
}

/**
 * Waits for something that makes sense only in the session of that epoch: what is awaited in one session must not be found in
 * the next, where the own ephemerals are gone.
 *
 * @param wait is given the signal by which it has to end
 * @throws SessionExpiredError when another session has taken the place of that one; the signal's reason
 */
export async function withinSession<T>(
  keeper: Keeper,
  epoch: number,
  signal: AbortSignal | undefined,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const scope = new AbortController();
  const look = (): void => {
    if (keeper.sessionEpoch !== epoch) scope.abort(new SessionExpiredError());
  };
  const onAbort = (): void => scope.abort(signal?.reason);
  keeper.on('state', look);
  signal?.addEventListener('abort', onAbort, { once: true });
  look();
  try {
    return await wait(scope.signal);
  } finally {
    keeper.off('state', look);
    signal?.removeEventListener('abort', onAbort);
  }
}
