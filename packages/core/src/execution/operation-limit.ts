import { follow, type RequestSignal, systemClock, unfollow } from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';

/**
 * Time limit that all operations of a `Keeper` share. The operation that began first is due first, so one timer serves all of them. An
 * operation that is answered in time needs neither a timer nor an `AbortSignal`.
 */
export class OperationLimit {
  readonly #limitMs: number;
  /** Running operations as a list, in the order in which they began. */
  #first: LimitedOperation | null = null;
  #last: LimitedOperation | null = null;
  #isArmed = false;

  /** @param limitMs limit in milliseconds, from 1 to 2^31-1 */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /**
   * Begins an operation. The caller must end it with `end`, whatever its result.
   *
   * @param caller signal of the caller, which the operation's signal follows
   * @param beganAtMs monotonic milliseconds, never less than those of the previous operation
   */
  begin(caller: AbortSignal | undefined, beganAtMs: number = systemClock.now()): LimitedOperation {
    const operation = new LimitedOperation(this.#limitMs, beganAtMs + this.#limitMs, caller);
    operation.previous = this.#last;
    if (this.#last === null) this.#first = operation;
    else this.#last.next = operation;
    this.#last = operation;
    if (!this.#isArmed) this.#arm(this.#limitMs);
    return operation;
  }

  /** Ends an operation; called once for each operation. */
  end(operation: LimitedOperation): void {
    const { previous, next } = operation;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    operation.leaveCaller();
  }

  /**
   * Starts the timer. The timer stays when no operation is running, because the next operation usually follows soon. The timer does not
   * keep the process alive.
   */
  #arm(delayMs: number): void {
    this.#isArmed = true;
    // After a blocked event loop the answers may already be in the socket.
    const onTimer = (): void => systemClock.afterIo(() => this.#expire());
    systemClock.schedule(Math.ceil(delayMs), onTimer, { keepsAlive: false });
  }

  #expire(): void {
    const nowMs = systemClock.now();
    let operation = this.#first;
    for (; operation !== null && operation.dueAtMs <= nowMs; operation = operation.next) operation.expire();
    if (operation === null) this.#isArmed = false;
    else this.#arm(operation.dueAtMs - nowMs);
  }
}

/** Operation under a time limit. It is the signal of the operation's requests, and aborts with the limit or with the caller's signal. */
export class LimitedOperation implements RequestSignal {
  readonly limitMs: number;
  /** Monotonic time of the limit, in milliseconds. */
  readonly dueAtMs: number;
  /** Neighbours in the list of its `OperationLimit`. */
  previous: LimitedOperation | null = null;
  next: LimitedOperation | null = null;
  readonly #caller: AbortSignal | undefined;
  /** First listener; most operations have at most one at a time. */
  #listener: (() => void) | null = null;
  #others: Set<() => void> | null = null;
  #onCallerAbort: (() => void) | null = null;
  #expiry: TimeLimitError | null = null;
  #aborted = false;

  constructor(limitMs: number, dueAtMs: number, caller: AbortSignal | undefined) {
    this.limitMs = limitMs;
    this.dueAtMs = dueAtMs;
    this.#caller = caller;
    if (caller === undefined) return;
    this.#onCallerAbort = () => this.#abort();
    follow(caller, this.#onCallerAbort);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#expiry ?? this.#caller?.reason;
  }

  /** Whether an aborted request rejects as if the connection were lost: sent or not sent. */
  get endsAsLoss(): boolean {
    return this.#expiry !== null;
  }

  /** Error of the time limit if it ended the operation; `null` otherwise. */
  get expiry(): TimeLimitError | null {
    return this.#expiry;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === null) {
      this.#listener = listener;
      return;
    }
    this.#others ??= new Set();
    this.#others.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = null;
    else this.#others?.delete(listener);
  }

  /** Aborts the operation because the time limit has passed. */
  expire(): void {
    if (this.#aborted) return;
    this.#expiry = timeLimitPassed(this.limitMs);
    this.#abort();
  }

  /** Stops following the caller's signal, when the operation has ended. */
  leaveCaller(): void {
    if (this.#onCallerAbort !== null) unfollow(this.#caller, this.#onCallerAbort);
  }

  /** Does work that takes an `AbortSignal`, and ends with the operation. */
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

  #abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    for (const listener of [this.#listener, ...(this.#others ?? [])]) listener?.();
  }
}

/**
 * Creates the error of a passed time limit.
 *
 * @param said description of the last attempt
 * @param cause error of the last attempt, if any
 */
export function timeLimitPassed(limitMs: number, said?: string, cause: Error | null = null): TimeLimitError {
  const what = `not done within ${limitMs} ms (operationTimeoutMs)`;
  return new TimeLimitError(said === undefined ? what : `${what}: ${said}`, cause === null ? undefined : { cause });
}
