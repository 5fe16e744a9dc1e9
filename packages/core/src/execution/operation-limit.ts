import { setMaxListeners } from 'node:events';
import type { RequestSignal } from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';

/**
 * The time limit that all operations of a `Keeper` share. The operation that began first is due first, so one timer serves all of
 * them, and an operation that is answered in time costs neither a timer nor an `AbortSignal`.
 */
export class OperationLimit {
  readonly #limitMs: number;
  /** In the order in which they began. */
  readonly #running = new Set<LimitedOperation>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs from 1 to 2^31-1 */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @param caller signal of the caller, which the operation's signal follows */
  begin(caller: AbortSignal | undefined): LimitedOperation {
    const operation = new LimitedOperation(this.#limitMs, caller);
    this.#running.add(operation);
    if (this.#timer === undefined) this.#arm(this.#limitMs);
    return operation;
  }

  /** Every operation that began is to be ended. */
  end(operation: LimitedOperation): void {
    this.#running.delete(operation);
    operation.leaveCaller();
  }

  /** The timer is left to fire when no operation is running: the next operation is about to begin. It keeps no process alive. */
  #arm(delayMs: number): void {
    // After a blocked event loop the answers may lie in the socket already.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), Math.ceil(delayMs)).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    for (const operation of this.#running) {
      const leftMs = operation.dueAtMs - performance.now();
      if (leftMs > 0) {
        this.#arm(leftMs);
        return;
      }
      this.#running.delete(operation);
      operation.expire();
    }
  }
}

/** One operation under a time limit. It is the signal of the operation's requests, and aborts with the limit or with the caller's signal. */
export class LimitedOperation implements RequestSignal {
  readonly limitMs: number;
  /** Monotonic milliseconds. */
  readonly dueAtMs: number;
  readonly #caller: AbortSignal | undefined;
  readonly #listeners = new Set<() => void>();
  #expiry: TimeLimitError | null = null;
  #aborted = false;

  constructor(limitMs: number, caller: AbortSignal | undefined) {
    this.limitMs = limitMs;
    this.dueAtMs = performance.now() + limitMs;
    this.#caller = caller;
    if (caller === undefined) return;
    // Many operations may follow one signal, which is no leak.
    setMaxListeners(0, caller);
    caller.addEventListener('abort', this.#abort, { once: true });
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#expiry ?? this.#caller?.reason;
  }

  /** A request that the limit ends was sent or not, as with a lost connection. */
  get endsAsLoss(): boolean {
    return this.#expiry !== null;
  }

  /** Why the time limit ended the operation; `null` if it did not. */
  get expiry(): TimeLimitError | null {
    return this.#expiry;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** The time limit has passed. */
  expire(): void {
    if (this.#aborted) return;
    this.#expiry = timeLimitPassed(this.limitMs);
    this.#abort();
  }

  /** The operation has ended. */
  leaveCaller(): void {
    this.#caller?.removeEventListener('abort', this.#abort);
  }

  /** Does something that takes an `AbortSignal`, and ends with the operation. */
  async within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(this.reason);
    if (this.#aborted) onAbort();
    this.addEventListener('abort', onAbort);
    try {
      return await work(controller.signal);
    } finally {
      this.removeEventListener('abort', onAbort);
    }
  }

  readonly #abort = (): void => {
    if (this.#aborted) return;
    this.#aborted = true;
    for (const listener of [...this.#listeners]) listener();
  };
}

/** @param said what the last attempt said, and the error that it failed with, if any */
export function timeLimitPassed(limitMs: number, said?: string, cause: Error | null = null): TimeLimitError {
  const what = `not done within ${limitMs} ms (operationTimeoutMs)`;
  return new TimeLimitError(said === undefined ? what : `${what}: ${said}`, cause === null ? undefined : { cause });
}
