import { ConnectionLossError, follow, systemClock, unfollow } from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';
import type { Keeper } from '../keeper.js';

/** End of the wait: other contenders are ahead, and the time limit has passed. */
const BUSY = new Error('others have it');
/** End of the wait: no server reported in time whether other contenders are ahead. */
class NoAnswer extends Error {}
/** End of the wait: the time limit passed while there was no connection. The line is read again on the new connection. */
const AGAIN = new Error('the line is to be read again');

/** Longest wait of a caller whose time limit has passed for contenders that do not use up the free capacity, in milliseconds. */
const BRIEFLY_MS = 1_000;

/**
 * Time limit of an acquisition. The limit ends the wait for other contenders; it does not limit how fast the servers must answer. A late
 * answer still counts, if it comes within `operationTimeoutMs` of the beginning. A time limit of 0 does not prevent an acquisition that
 * is possible at once.
 *
 * | when the time is over                   | then                                                                        |
 * |-----------------------------------------|-----------------------------------------------------------------------------|
 * | others are ahead, there is a connection | the wait ends: others have it                                               |
 * | others were ahead, no connection        | the line is read once more on the next connection: they may have left since |
 * | no answer yet                           | the first answer decides                                                    |
 */
export class Patience {
  readonly #keeper: Keeper;
  readonly #caller: AbortSignal | undefined;
  /** Ends the current wait; `null` without a time limit. Replaced when the line must be read again. */
  #end: AbortController | null;
  #cancelTimer: () => void = () => {};
  #cancelAnswerTimer: () => void = () => {};
  readonly #beganAtMs = systemClock.now();
  /** Whether contenders are ahead in the line as it was last read. */
  #isWaiting = false;
  /** Whether the time limit has passed. */
  #isOver: boolean;

  /**
   * @param caller aborts the wait, which then rejects with the signal's reason
   * @param timeoutMs 0 to 2^31-1; infinite by default
   */
  constructor(keeper: Keeper, caller: AbortSignal | undefined, timeoutMs: number = Number.POSITIVE_INFINITY) {
    this.#keeper = keeper;
    this.#caller = caller;
    this.#isOver = timeoutMs === 0;
    this.#end = timeoutMs === Number.POSITIVE_INFINITY ? null : new AbortController();
    if (this.#end === null) return;
    if (caller?.aborted) this.#onAbort();
    follow(caller, this.#onAbort);
    if (timeoutMs > 0) this.#cancelTimer = systemClock.schedule(timeoutMs, this.#onTimeOver);
    this.#limitAnswer();
  }

  /** `Keeper` for requests that must finish even if the time limit passes: it limits its operations if the caller has a time limit. */
  get keeper(): Keeper {
    return this.#end === null ? this.#keeper : this.#keeper.limited;
  }

  /** Signal that ends the current wait. Read it again for each new wait. */
  get signal(): AbortSignal | undefined {
    return this.#end === null ? this.#caller : this.#end.signal;
  }

  /**
   * Records that contenders are ahead.
   *
   * @throws the end of the wait if the time limit has passed
   */
  wait(): void {
    this.#isWaiting = true;
    this.#cancelAnswerTimer();
    if (this.#isOver) throw BUSY;
  }

  /** Records that the contenders ahead do not use up the free capacity, so that they leave soon. */
  waitBriefly(): void {
    this.#isWaiting = true;
    this.#cancelAnswerTimer();
    if (!this.#isOver) return;
    this.#cancelTimer();
    this.#cancelTimer = systemClock.schedule(BRIEFLY_MS, this.#onTimeOver);
  }

  /** Records that the line is about to be read, so that earlier information about contenders is void. */
  lookAgain(): void {
    this.#isWaiting = false;
    if (this.#end?.signal.reason !== AGAIN) return;
    this.#end = new AbortController();
    if (this.#caller?.aborted) this.#onAbort();
  }

  /** Throws the caller's reason if the caller has aborted. */
  throwIfGivenUp(): void {
    this.#caller?.throwIfAborted();
  }

  /** Ends the timers and listeners. Called when the wait is over. */
  end(): void {
    this.#cancelTimer();
    this.#cancelAnswerTimer();
    this.#keeper.off('state', this.#onState);
    unfollow(this.#caller, this.#onAbort);
  }

  readonly #onAbort = (): void => this.#end?.abort(this.#caller?.reason);

  readonly #onTimeOver = (): void => {
    this.#isOver = true;
    if (this.#isWaiting && isConnected(this.#keeper)) {
      this.#end?.abort(BUSY);
      return;
    }
    this.#limitAnswer();
    this.#keeper.on('state', this.#onState);
  };

  readonly #onState = (): void => {
    if (this.#isWaiting && isConnected(this.#keeper)) this.#end?.abort(AGAIN);
  };

  #limitAnswer(): void {
    this.#cancelAnswerTimer();
    const { operationTimeoutMs } = this.#keeper;
    if (operationTimeoutMs === Number.POSITIVE_INFINITY) return;
    const leftMs = Math.max(0, this.#beganAtMs + operationTimeoutMs - systemClock.now());
    this.#cancelAnswerTimer = systemClock.schedule(leftMs, () => {
      const passedMs = Math.round(systemClock.now() - this.#beganAtMs);
      this.#end?.abort(new NoAnswer(`no answer within ${passedMs} ms (operationTimeoutMs)`));
    });
  }
}

/** Returns whether a wait ended because the line must be read again. */
export function isToLookAgain(error: unknown): boolean {
  return error === AGAIN;
}

/**
 * Tries to acquire a lock or permits within a time limit.
 *
 * @param path path for the error
 * @param timeoutMs longest wait for other contenders
 * @param acquire waits no longer than the given `Patience`
 * @returns `null` if other contenders have it, and had it during the whole wait
 * @throws {ConnectionLossError} when no server answers within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has
 *   passed, so that the holder is not known
 * @throws the errors of `acquire`
 */
export async function tryWithin<T>(
  keeper: Keeper,
  path: string,
  { timeoutMs = 0, signal }: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  acquire: (patience: Patience) => Promise<T>,
): Promise<T | null> {
  const patience = new Patience(keeper, signal, timeoutMs);
  try {
    return await acquire(patience);
  } catch (error) {
    if (error === BUSY) return null;
    if (!(error instanceof NoAnswer)) throw error;
    throw new ConnectionLossError('acquire', path, 'unknown', new TimeLimitError(error.message));
  } finally {
    patience.end();
  }
}

function isConnected({ connectionState }: Keeper): boolean {
  return connectionState === 'CONNECTED' || connectionState === 'RECONNECTED';
}
