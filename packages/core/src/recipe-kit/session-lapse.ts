import { setMaxListeners } from 'node:events';
import { SessionExpiredError, systemClock } from 'zookeeper-ts-client';
import type { HoldLostReason } from '../errors.js';
import { sessionEnd } from '../execution/session-end.js';
import { withAnySignal } from '../execution/with-any-signal.js';
import type { Keeper } from '../keeper.js';

/** Returns for how long the session of an epoch is certainly alive, in milliseconds; 0 if it is not certain. */
export function epochValidForMs(keeper: Keeper, epoch: number): number {
  return keeper.sessionEpoch === epoch ? keeper.validForMs() : 0;
}

/**
 * Calls back once, as soon as the session of an epoch may be over on the server: by its end, or by the validity clock.
 *
 * @returns function that cancels the callback
 */
export function onSessionLapse(keeper: Keeper, epoch: number, callback: (reason: HoldLostReason) => void): () => void {
  return watchOf(keeper).onLapse({ epoch, callback });
}

/**
 * Waits for an event that concerns only the session of an epoch. The wait must not continue in the next session, in which the own
 * ephemerals are gone.
 *
 * @param wait receives the signal by which it must end
 * @throws {SessionExpiredError} when another session has replaced that one
 * @throws the signal's reason
 */
export async function withinSession<T>(
  keeper: Keeper,
  epoch: number,
  signal: AbortSignal | undefined,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const end = watchOf(keeper).endOf(epoch);
  end.throwIfAborted();
  return await withAnySignal([signal, end], (first) => wait(first ?? end));
}

interface AwaitedLapse {
  readonly epoch: number;
  readonly callback: (reason: HoldLostReason) => void;
}

/**
 * Observer of the session ends of one `Keeper`. All waits share one listener, one timer and one signal: creating them for each wait would
 * take longer than most work under a lock.
 */
class SessionWatch {
  readonly #keeper: Keeper;
  readonly #awaited = new Set<AwaitedLapse>();
  #cancelTimer: (() => void) | undefined;
  #end: { readonly epoch: number; readonly controller: AbortController } | null = null;

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
    keeper.on('state', this.#look);
  }

  onLapse(lapse: AwaitedLapse): () => void {
    if (epochValidForMs(this.#keeper, lapse.epoch) <= 0) {
      this.#tell(lapse);
      return () => {};
    }
    this.#awaited.add(lapse);
    if (this.#cancelTimer === undefined) this.#arm();
    return () => void this.#awaited.delete(lapse);
  }

  /** Returns a signal that aborts with a `SessionExpiredError` when another session has replaced the session of an epoch. */
  endOf(epoch: number): AbortSignal {
    if (epoch !== this.#keeper.sessionEpoch) return AbortSignal.abort(new SessionExpiredError());
    this.#endEarlier();
    if (this.#end === null) {
      this.#end = { epoch, controller: sessionEnd() };
      // Waits of other authors may add listeners to the signal without `follow`; Node would warn about many listeners.
      setMaxListeners(0, this.#end.controller.signal);
    }
    return this.#end.controller.signal;
  }

  /**
   * Checks which sessions may be over. The validity clock is extended while the session is alive, so the timer only checks. Because a
   * timer may fire late, other code checks, too.
   */
  readonly #look = (): void => {
    for (const lapse of this.#awaited) {
      if (epochValidForMs(this.#keeper, lapse.epoch) > 0) continue;
      this.#awaited.delete(lapse);
      try {
        this.#tell(lapse);
      } catch (error) {
        // The remaining callbacks must still run in time.
        this.#keeper.reportBackgroundError(error, 'end of a session');
      }
    }
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#awaited.size > 0) this.#arm();
    this.#endEarlier();
  };

  /**
   * Aborts the signal of an earlier session. Called by the first code that notices a new session: this observer, or a wait that begins in
   * the new session.
   */
  #endEarlier(): void {
    const end = this.#end;
    if (end === null || end.epoch === this.#keeper.sessionEpoch) return;
    this.#end = null;
    end.controller.abort(new SessionExpiredError());
  }

  /**
   * Starts the timer. The timer stays when no callback remains, because the next one usually follows soon. The timer does not keep the
   * process alive.
   */
  #arm(): void {
    const leftMs = Math.ceil(this.#keeper.validForMs());
    this.#cancelTimer = systemClock.schedule(leftMs, this.#look, { keepsAlive: false });
  }

  #tell({ epoch, callback }: AwaitedLapse): void {
    const { closed, sessionEpoch } = this.#keeper;
    callback(closed ? 'closed' : sessionEpoch === epoch ? 'validity' : 'expired');
  }
}

const watches = new WeakMap<Keeper, SessionWatch>();

function watchOf(keeper: Keeper): SessionWatch {
  let watch = watches.get(keeper);
  if (watch === undefined) {
    watch = new SessionWatch(keeper);
    watches.set(keeper, watch);
  }
  return watch;
}
