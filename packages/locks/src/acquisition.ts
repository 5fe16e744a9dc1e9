import {
  ConnectionLossError,
  type Hold,
  HoldLostError,
  type Keeper,
  NoNodeError,
  SessionExpiredError,
} from '@zk-recipes/core';
import { giveUp, type Member } from '@zk-recipes/core/recipe-kit';

/** Why waiting in line ended: somebody else has the lock, and the caller's patience is over. */
const BUSY = new Error('somebody else has it');

/** How long a caller of `tryAcquire` waits in line. That of `acquire` is endless. */
export class Patience {
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  /** What bounds the way into the line: with a time limit that too, or else nobody would be told of a lost connection in time. */
  readonly enrolling: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs 0 for none at all */
  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    const controller = new AbortController();
    this.signal = controller.signal;
    if (timeoutMs === 0) controller.abort(BUSY);
    else this.#timer = setTimeout(() => controller.abort(BUSY), timeoutMs);
    if (timeoutMs === 0) this.enrolling = signal;
    else this.enrolling = signal === undefined ? this.signal : AbortSignal.any([signal, this.signal]);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Bounds what is done in line: by the caller's signal, and by a patience from the moment on in which there is something to wait for.
 * Unlike a signal, a patience that is over does not keep anybody from what is to be had at once.
 */
export class Waiting {
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #patience: Patience | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#signal?.reason);
  readonly #onImpatient = (): void => this.#controller.abort(BUSY);

  #hasBegun = false;

  constructor(signal: AbortSignal | undefined, patience: Patience | undefined) {
    this.#signal = signal;
    this.#patience = patience;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether there was anybody to wait for. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** From now on somebody else is waited for. Throws if there is no patience for that. */
  begin(): void {
    this.#hasBegun = true;
    if (this.#patience?.signal.aborted) throw BUSY;
    this.beginWithTime();
  }

  /** From now on somebody is waited for who is about to let others through: nobody is without patience for that, but time may be over. */
  beginWithTime(): void {
    this.#patience?.signal.addEventListener('abort', this.#onImpatient, { once: true });
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#patience?.signal.removeEventListener('abort', this.#onImpatient);
  }
}

/**
 * Tries to acquire.
 *
 * @param acquire is bounded by the patience
 * @returns `null` if somebody else has it, and had it all the time
 * @throws ConnectionLossError if there was no answer within the time
 */
export async function tryWithin<T>(
  { timeoutMs = 0, signal }: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  acquire: (patience: Patience) => Promise<T>,
): Promise<T | null> {
  const patience = new Patience(timeoutMs, signal);
  try {
    return await acquire(patience);
  } catch (error) {
    if (error !== BUSY) throw error;
    return null;
  } finally {
    patience.end();
  }
}

/** Has somebody enrol; that the time was over before there was an answer does not mean that somebody else has the lock. */
export async function enrolling<T>(path: string, enrolment: Promise<T>): Promise<T> {
  try {
    return await enrolment;
  } catch (error) {
    throw error === BUSY ? new ConnectionLossError('create', path, 'unknown', new Error('no answer in time')) : error;
  }
}

/**
 * Stands in line until something is acquired, and leaves no znode in it when that fails. Where only the own place was lost (with the
 * session, by somebody's hand, or since the validity clock ran out at the moment of the grant), it begins anew at the end of the line.
 *
 * @param enrol takes the place, or several
 * @param proceed waits for its turn
 */
export async function standInLine<Place extends Member | readonly Member[], T>(
  keeper: Keeper,
  signal: AbortSignal | undefined,
  enrol: () => Promise<Place>,
  proceed: (place: Place) => Promise<T>,
): Promise<T> {
  for (;;) {
    const place = await enrolled(keeper, signal, enrol);
    try {
      return await proceed(place);
    } catch (error) {
      await giveUp([place].flat());
      signal?.throwIfAborted();
      if (!isLossOfPlace(error) || keeper.closed) throw error;
    }
  }
}

async function enrolled<Place>(
  keeper: Keeper,
  signal: AbortSignal | undefined,
  enrol: () => Promise<Place>,
): Promise<Place> {
  for (;;) {
    try {
      return await enrol();
    } catch (error) {
      if (!(error instanceof SessionExpiredError) || keeper.closed || signal?.aborted) throw error;
    }
  }
}

function isLossOfPlace(error: unknown): boolean {
  return error instanceof SessionExpiredError || error instanceof NoNodeError || error instanceof HoldLostError;
}

/**
 * Runs a function while something is held, and lets go afterwards.
 *
 * @throws HoldLostError if the hold was lost before the function ended; its `cause` is what the function threw, if anything else
 */
export async function runWhileHeld<H extends Hold, T>(hold: H, fn: (hold: H) => Promise<T> | T): Promise<T> {
  let result: T;
  try {
    result = await fn(hold);
  } catch (error) {
    const loss = lossOf(hold);
    await hold.release();
    throw loss === null ? error : withCause(loss, error);
  }
  const loss = lossOf(hold);
  await hold.release();
  if (loss !== null) throw loss;
  return result;
}

function lossOf(hold: Hold): HoldLostError | null {
  return hold.state === 'lost' ? (hold.signal.reason as HoldLostError) : null;
}

function withCause(loss: HoldLostError, error: unknown): HoldLostError {
  return error === loss ? loss : new HoldLostError(loss.path, loss.reason, { cause: error });
}
