import { setMaxListeners } from 'node:events';
import { SessionExpiredError } from 'zookeeper-ts-client';
import type { HoldLostReason } from '../errors.js';
import { sessionEnd } from '../execution/session-end.js';
import { withAnySignal } from '../execution/with-any-signal.js';
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
  let lapses = lapsesOf.get(keeper);
  if (lapses === undefined) {
    lapses = new Lapses(keeper);
    lapsesOf.set(keeper, lapses);
  }
  return lapses.await({ epoch, callback });
}

interface AwaitedLapse {
  readonly epoch: number;
  readonly callback: (reason: HoldLostReason) => void;
}

/**
 * All who wait for a session of one `Keeper` to lapse, with one timer and one listener. Both stay for a while when nobody waits any
 * more: where somebody comes and goes all the time, nothing has to be set up and taken down each time.
 */
class Lapses {
  readonly #keeper: Keeper;
  readonly #awaited = new Set<AwaitedLapse>();
  #timer: NodeJS.Timeout | undefined;

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  await(lapse: AwaitedLapse): () => void {
    if (epochValidForMs(this.#keeper, lapse.epoch) <= 0) {
      this.#tell(lapse);
      return () => {};
    }
    this.#awaited.add(lapse);
    if (this.#timer === undefined) {
      this.#keeper.on('state', this.#look);
      this.#arm();
    }
    return () => void this.#awaited.delete(lapse);
  }

  /** The clock moves on while the session is alive, so the timer only looks; and it may come late, so others look too. */
  readonly #look = (): void => {
    for (const lapse of this.#awaited) {
      if (epochValidForMs(this.#keeper, lapse.epoch) > 0) continue;
      this.#awaited.delete(lapse);
      this.#tell(lapse);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#awaited.size > 0) this.#arm();
    else this.#keeper.off('state', this.#look);
  };

  #arm(): void {
    const leftMs = Math.ceil(this.#keeper.validForMs());
    this.#timer = setTimeout(this.#look, Math.min(leftMs, LONGEST_TIMER_MS));
  }

  #tell({ epoch, callback }: AwaitedLapse): void {
    const { closed, sessionEpoch } = this.#keeper;
    callback(closed ? 'closed' : sessionEpoch === epoch ? 'validity' : 'expired');
  }
}

const lapsesOf = new WeakMap<Keeper, Lapses>();

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
  const end = endOf(keeper, epoch);
  end.throwIfAborted();
  return await withAnySignal([signal, end], (first) => wait(first ?? end));
}

interface SessionEnd {
  readonly epoch: number;
  readonly signal: AbortSignal;
}

/** A signal is dear, so all who wait in one session share one. */
const ends = new WeakMap<Keeper, SessionEnd>();

/** Aborts with a `SessionExpiredError` when another session has taken the place of that one. */
function endOf(keeper: Keeper, epoch: number): AbortSignal {
  const known = ends.get(keeper);
  if (known?.epoch === epoch && keeper.sessionEpoch === epoch) return known.signal;
  const ending = sessionEnd();
  // Many may wait, which is no leak.
  setMaxListeners(0, ending.signal);
  const end = { epoch, signal: ending.signal };
  const look = (): void => {
    if (keeper.sessionEpoch === epoch) return;
    keeper.off('state', look);
    if (ends.get(keeper) === end) ends.delete(keeper);
    ending.abort(new SessionExpiredError());
  };
  ends.set(keeper, end);
  keeper.on('state', look);
  look();
  return ending.signal;
}
