import { ConnectionLossError } from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';
import type { Keeper } from '../keeper.js';

/** Why waiting ended: others have it, and the caller does not want to wait any longer. */
const BUSY = new Error('others have it');
/** Why waiting ended: no server said in time whether there are others. */
class NoAnswer extends Error {}

/** How long one who does not want to wait stands behind those who are on their way through, in milliseconds. */
const BRIEFLY_MS = 1_000;

/**
 * How long a caller is ready to wait for others. A time limit keeps nobody from what is to be had at once, also if the servers take longer
 * than that to say so: they have `operationTimeoutMs` for the answer whether there are others. Then the limit counts, from the beginning.
 */
export class Patience {
  readonly #keeper: Keeper;
  readonly #caller: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #end: AbortController | null;
  readonly #beganAtMs = performance.now();
  readonly #onAbort = (): void => this.#end?.abort(this.#caller?.reason);
  #timer: NodeJS.Timeout | undefined;
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
    this.#limit(keeper.operationTimeoutMs, 'operationTimeoutMs');
  }

  /** The `Keeper` for requests that are to be finished although the limit passes: it has a time limit if the caller has one. */
  get keeper(): Keeper {
    return this.#end === null ? this.#keeper : this.#keeper.limited;
  }

  /** By which what is waited for has to end. */
  get signal(): AbortSignal | undefined {
    return this.#end === null ? this.#caller : this.#end.signal;
  }

  /** Says that there are others to be waited for. Throws if there is no patience for that. */
  wait(): void {
    const leftMs = this.#leftMs;
    if (leftMs <= 0) throw BUSY;
    this.#beginWaiting(leftMs);
  }

  /** Says that there are others to be waited for who are on their way through, so that it takes a moment. */
  waitBriefly(): void {
    const leftMs = this.#leftMs;
    this.#beginWaiting(leftMs > 0 ? leftMs : BRIEFLY_MS);
  }

  /** Throws the caller's reason if the caller has given up. */
  throwIfGivenUp(): void {
    this.#caller?.throwIfAborted();
  }

  /** To be called when nothing is waited for any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  /** Milliseconds for which others may still be waited for; 0 or less if none are left. */
  get #leftMs(): number {
    return this.#beganAtMs + this.#timeoutMs - performance.now();
  }

  #beginWaiting(ms: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    if (this.#end !== null) this.#limit(ms, 'timeoutMs');
  }

  #limit(ms: number, name: 'timeoutMs' | 'operationTimeoutMs'): void {
    clearTimeout(this.#timer);
    if (ms === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      // While there is no connection, whoever had it may have let go long ago.
      const isKnown = this.#isWaiting && isConnected(this.#keeper);
      const passedMs = Math.round(performance.now() - this.#beganAtMs);
      this.#end?.abort(isKnown ? BUSY : new NoAnswer(`no answer within ${passedMs} ms (${name})`));
    }, ms);
  }
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
