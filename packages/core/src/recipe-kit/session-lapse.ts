import { setMaxListeners } from 'node:events';
import { SessionExpiredError, systemClock } from 'zookeeper-ts-client';
import type { HoldLostReason } from '../errors.js';
import { sessionEnd } from '../execution/session-end.js';
import { withAnySignal } from '../execution/with-any-signal.js';
import type { Keeper } from '../keeper.js';

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
  return watchOf(keeper).onLapse({ epoch, callback });
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
  const end = watchOf(keeper).endOf(epoch);
  end.throwIfAborted();
  return await withAnySignal([signal, end], (first) => wait(first ?? end));
}

interface AwaitedLapse {
  readonly epoch: number;
  readonly callback: (reason: HoldLostReason) => void;
}

/**
 * Tells all whom the sessions of one `Keeper` concern of their ends. There is one listener, one timer and one signal, whoever comes and goes: to
 * make them for each would take longer than most of what is done while somebody has a lock.
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

  /** Aborts with a `SessionExpiredError` when another session has taken the place of that one. */
  endOf(epoch: number): AbortSignal {
    if (epoch !== this.#keeper.sessionEpoch) return AbortSignal.abort(new SessionExpiredError());
    this.#endEarlier();
    if (this.#end === null) {
      this.#end = { epoch, controller: sessionEnd() };
      // An own signal, to which waits of other authors may listen without `follow`.
      setMaxListeners(0, this.#end.controller.signal);
    }
    return this.#end.controller.signal;
  }

  /** The clock moves on while the session is alive, so the timer only looks; and it may come late, so others look too. */
  readonly #look = (): void => {
    for (const lapse of this.#awaited) {
      if (epochValidForMs(this.#keeper, lapse.epoch) > 0) continue;
      this.#awaited.delete(lapse);
      try {
        this.#tell(lapse);
      } catch (error) {
        // The others have to hear of it in time.
        this.#keeper.reportBackgroundError(error, 'end of a session');
      }
    }
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#awaited.size > 0) this.#arm();
    this.#endEarlier();
  };

  /** Whoever is the first to see that there is a new session, this or somebody who is about to wait in it. */
  #endEarlier(): void {
    const end = this.#end;
    if (end === null || end.epoch === this.#keeper.sessionEpoch) return;
    this.#end = null;
    end.controller.abort(new SessionExpiredError());
  }

  /** It stays when nobody waits any more, since the next one is about to come; nothing is kept alive by it. */
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
