import { ConnectionLossError, systemClock } from 'zookeeper-ts-client';
import type { Keeper } from '../keeper.js';

/** Why waiting ended: others have it, and the caller does not want to wait any longer. */
const BUSY = new Error('others have it');
/** Why waiting ended: the time is over, and nobody knows who has it. */
const UNKNOWN = new Error('no answer in time');

/** How long one who does not want to wait stands behind those who are on their way through, in milliseconds. */
const BRIEFLY_MS = 1_000;

/**
 * How long a caller is ready to wait for others. A time limit of 0 does not keep anybody from what is to be had at once; a greater one
 * bounds everything from the beginning.
 */
export class Patience {
  readonly #keeper: Keeper;
  readonly #caller: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #end: AbortController | null;
  readonly #onAbort = (): void => this.#end?.abort(this.#caller?.reason);
  #cancelTimer: (() => void) | undefined;
  #isWaiting = false;

  /**
   * @param caller gives up: what is waited for rejects with its reason
   * @param timeoutMs 0 to 2^31-1; infinite by default
   */
  constructor(keeper: Keeper, caller: AbortSignal | undefined, timeoutMs: number = Number.POSITIVE_INFINITY) {
    this.#keeper = keeper;
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#end = timeoutMs === Number.POSITIVE_INFINITY ? null : new AbortController();
    if (this.#end === null) return;
    if (caller?.aborted) this.#onAbort();
    caller?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeoutMs > 0) this.#limit(timeoutMs);
  }

  /** By which what is waited for has to end. */
  get signal(): AbortSignal | undefined {
    return this.#end === null ? this.#caller : this.#end.signal;
  }

  /** Says that there are others to be waited for. Throws if there is no patience for that. */
  wait(): void {
    this.#isWaiting = true;
    if (this.#timeoutMs === 0) throw BUSY;
  }

  /** Says that there are others to be waited for who are on their way through, so that it takes a moment. */
  waitBriefly(): void {
    this.#isWaiting = true;
    if (this.#timeoutMs === 0) this.#limit(BRIEFLY_MS);
  }

  /** Throws the caller's reason if the caller has given up. */
  throwIfGivenUp(): void {
    this.#caller?.throwIfAborted();
  }

  /** To be called when nothing is waited for any more. */
  end(): void {
    this.#cancelTimer?.();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  #limit(ms: number): void {
    // While there is no connection, whoever had it may have let go long ago.
    const isKnown = (): boolean => this.#isWaiting && isConnected(this.#keeper);
    this.#cancelTimer ??= systemClock.schedule(ms, () => this.#end?.abort(isKnown() ? BUSY : UNKNOWN));
  }
}

/**
 * Tries to acquire something.
 *
 * @param path of it, for the error
 * @param timeoutMs how long others are waited for
 * @param acquire is to heed the patience
 * @returns `null` if others have it, and had it all the time
 * @throws ConnectionLossError if nobody answered in time, so that nobody knows; what `acquire` throws
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
    throw error === UNKNOWN ? new ConnectionLossError('acquire', path, 'unknown', UNKNOWN) : error;
  } finally {
    patience.end();
  }
}

function isConnected({ connectionState }: Keeper): boolean {
  return connectionState === 'CONNECTED' || connectionState === 'RECONNECTED';
}
