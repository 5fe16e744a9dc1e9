import { ConnectionLossError, follow, systemClock, unfollow } from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';
import type { Keeper } from '../keeper.js';

/** Why the waiting ended: others have it, and the caller does not want to wait longer. */
const BUSY = new Error('others have it');
/** Why the waiting ended: no server said in time whether there are others. */
class NoAnswer extends Error {}
/** Why the waiting ended: the time was over while there was no connection. The line is read again on the new connection. */
const AGAIN = new Error('the line is to be read again');

/** How long a caller without patience waits for contenders for whom there is room as well, in milliseconds. */
const BRIEFLY_MS = 1_000;

/**
 * How long a caller waits for others. The time limit says when the waiting for others ends, not how fast the servers have to answer: a late
 * answer is still an answer, as long as it comes within `operationTimeoutMs` of the beginning. A time limit of 0 does not prevent an
 * acquisition that is possible at once.
 *
 * | when the time is over                   | then                                                                        |
 * |-----------------------------------------|-----------------------------------------------------------------------------|
 * | others are ahead, there is a connection | the waiting ends: others have it                                            |
 * | others were ahead, no connection        | the line is read once more on the next connection: they may have left since |
 * | no answer yet                           | the first answer decides                                                    |
 */
export class Patience {
  readonly #keeper: Keeper;
  readonly #caller: AbortSignal | undefined;
  /** `null` without a time limit. Another one takes its place when the line is to be read again. */
  #end: AbortController | null;
  #cancelTimer: () => void = () => {};
  #cancelAnswerTimer: () => void = () => {};
  readonly #beganAtMs = systemClock.now();
  /** Whether the line as it was last read has others ahead. */
  #isWaiting = false;
  /** Whether the time for waiting is over. */
  #isOver: boolean;

  /**
   * @param caller aborts the waiting, which then rejects with its reason
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

  /** The `Keeper` for requests that are to be finished although the limit passes: it has a time limit if the caller has one. */
  get keeper(): Keeper {
    return this.#end === null ? this.#keeper : this.#keeper.limited;
  }

  /** The signal that ends what is waited for now. To be asked for each time that something is begun. */
  get signal(): AbortSignal | undefined {
    return this.#end === null ? this.#caller : this.#end.signal;
  }

  /** Says that others are ahead. @throws what ends the waiting if the time is over */
  wait(): void {
    this.#isWaiting = true;
    this.#cancelAnswerTimer();
    if (this.#isOver) throw BUSY;
  }

  /** Says that contenders are ahead for whom there is room as well, so that they leave in a moment. */
  waitBriefly(): void {
    this.#isWaiting = true;
    this.#cancelAnswerTimer();
    if (!this.#isOver) return;
    this.#cancelTimer();
    this.#cancelTimer = systemClock.schedule(BRIEFLY_MS, this.#onTimeOver);
  }

  /** Says that the line is about to be read, so that what was known of others counts no more. */
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

  /** To be called when nothing is waited for any more. */
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

/** Whether a wait ended because the line is to be read again. */
export function isToLookAgain(error: unknown): boolean {
  return error === AGAIN;
}

/**
 * Tries to acquire something.
 *
 * @param path of it, for the error
 * @param timeoutMs how long others are waited for
 * @param acquire is to heed the patience
 * @returns `null` if others have it, and had it all the time
 * @throws ConnectionLossError if no server answered within `operationTimeoutMs`, or the connection is lost when `timeoutMs` has passed,
 *   so that it is not known who has it; what `acquire` throws
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
