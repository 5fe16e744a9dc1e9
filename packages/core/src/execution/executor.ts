import {
  ClosedError,
  ConnectionLossError,
  KeeperError,
  type RequestSignal,
  SessionExpiredError,
  systemClock,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { TimeLimitError } from '../errors.js';
import { isPassing, isUnknown } from '../passing-failure.js';
import { type LimitedOperation, OperationLimit, timeLimitPassed } from './operation-limit.js';
import { retryByPolicy } from './retry-loop.js';
import type { RetryPolicy } from './retry-policy.js';
import { beyondSession } from './session-end.js';
import { withAnySignal } from './with-any-signal.js';

/** Session that serves requests, as the executor sees it. */
export interface Incarnation {
  readonly zookeeper: ZooKeeper;
  /** Ordinal of the session; the first is 1. */
  readonly epoch: number;
}

/** Source of sessions for the executor. */
export interface SessionSource {
  /** Aborts when no new work may begin any more; its reason is the cause. */
  readonly over: AbortSignal;
  /** Returns the session to use now, of this epoch or a later one; `null` while there is none. */
  usable(sinceEpoch: number): Incarnation | null;
  /** Waits for such a session, at most as long as a request may wait for a connection. */
  awaitUsable(sinceEpoch: number, signal: AbortSignal | undefined): Promise<Incarnation>;
}

/** Session and signal for one attempt. */
export interface Attempt extends Incarnation {
  /** Signal for every request of the attempt, so that nothing is sent after the caller has given up or the time limit has passed. */
  readonly signal: RequestSignal | undefined;
}

/** Options of one operation. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Policy that replaces the policy of the `Keeper`. */
  readonly retry?: RetryPolicy;
  /** Whether the operation continues while the `Keeper` closes; for clean-up work. */
  readonly whileClosing?: boolean;
}

/** Wrapper of an error after which no retry may follow. Never leaves the executor. */
class Final extends Error {
  readonly error: unknown;
  constructor(error: unknown) {
    super('not to be repeated');
    this.error = error;
  }
}

/** Runs operations: the first attempt at once, in the caller's tick, the next ones as the retry policy says. */
export class Executor {
  readonly #sessions: SessionSource;
  readonly #retry: RetryPolicy;
  readonly #limit: OperationLimit | null;

  /** @param operationTimeoutMs limit for all attempts of one operation together, from 1 to 2^31-1, or `Infinity` */
  constructor(sessions: SessionSource, retry: RetryPolicy, operationTimeoutMs: number = Number.POSITIVE_INFINITY) {
    this.#sessions = sessions;
    this.#retry = retry;
    this.#limit = operationTimeoutMs === Number.POSITIVE_INFINITY ? null : new OperationLimit(operationTimeoutMs);
  }

  /** Session for a request now; `null` while there is none. */
  get current(): Incarnation | null {
    return this.#sessions.usable(0);
  }

  /**
   * Runs an operation.
   *
   * @param perform makes one attempt. It is repeated after every error for which `isPassing` holds, except errors that came through
   *   `once`
   * @throws the signal's reason, the error that no retry may follow, or the error of the last attempt. A connection loss has the outcome
   *   `unknown` if any of the attempts had an unknown outcome. When the time limit passes, the error is a connection loss caused by a
   *   `TimeLimitError`
   */
  async run<T>(perform: (attempt: Attempt) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { signal } = options;
    signal?.throwIfAborted();
    const beganMs = systemClock.now();
    const limited = this.#limit?.begin(beyondSession(signal), beganMs) ?? null;
    const attempts = new Attempts(this.#sessions, perform, options, limited);
    try {
      return await attempts.next();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (limited?.expiry || !isPassing(error)) throw attempts.verdict(error);
      return await this.#repeat(attempts, error, options, systemClock.now() - beganMs);
    } finally {
      if (limited !== null) this.#limit?.end(limited);
    }
  }

  async #repeat<T>(attempts: Attempts<T>, first: Error, options: RunOptions, elapsedMs: number): Promise<T> {
    const { signal, retry = this.#retry } = options;
    const { over } = this.#sessions;
    const stops = [signal, options.whileClosing ? undefined : over];
    let done: { readonly result: T } | undefined;
    const attempt = async (number: number): Promise<void> => {
      if (number === 1) throw first;
      done = { result: await attempts.next() };
    };
    try {
      await attempts.within(stops, (stop) =>
        retryByPolicy(attempt, retry, { elapsedMs, shouldRetry: isPassing, signal: stop }),
      );
    } catch (error) {
      // p-retry discards a result that comes together with the abort. The caller must learn of work that was done.
      if (done === undefined) {
        if (signal?.aborted) throw signal.reason;
        throw stops.some((stop) => stop?.aborted) ? ownError(over.reason) : attempts.verdict(error);
      }
    }
    return (done as { readonly result: T }).result;
  }
}

/** Attempts of one operation, and their common state. */
class Attempts<T> {
  readonly #sessions: SessionSource;
  readonly #perform: (attempt: Attempt) => Promise<T>;
  readonly #options: RunOptions;
  readonly #limited: LimitedOperation | null;
  #sinceEpoch = 0;
  #unknown: ConnectionLossError | null = null;
  /** Error of the newest failed attempt that the time limit did not end. */
  #failure: Error | null = null;

  constructor(
    sessions: SessionSource,
    perform: (attempt: Attempt) => Promise<T>,
    options: RunOptions,
    limited: LimitedOperation | null,
  ) {
    this.#sessions = sessions;
    this.#perform = perform;
    this.#options = options;
    this.#limited = limited;
  }

  async next(): Promise<T> {
    const { signal } = this.#options;
    const { over } = this.#sessions;
    if (!this.#options.whileClosing && over.aborted) throw ownError(over.reason);
    const since = this.#sinceEpoch;
    const { zookeeper, epoch } =
      this.#sessions.usable(since) ?? (await this.within([signal], (stop) => this.#sessions.awaitUsable(since, stop)));
    try {
      const heeded = beyondSession(signal);
      const result = await this.#perform({ zookeeper, epoch, signal: this.#limited ?? heeded });
      // The attempt ran in the next session, although it was meant for one particular session.
      if (heeded !== signal) signal?.throwIfAborted();
      return result;
    } catch (error) {
      if (error instanceof SessionExpiredError) this.#sinceEpoch = epoch + 1;
      const failure = error instanceof Final ? error.error : error;
      if (failure instanceof ConnectionLossError && failure.outcome === 'unknown') this.#unknown ??= failure;
      if (isPassing(failure) && !(failure.cause instanceof TimeLimitError)) this.#failure = failure;
      throw error;
    }
  }

  /** Does work that ends with the first of the signals, and with the time limit. */
  async within<U>(
    signals: readonly (AbortSignal | undefined)[],
    work: (stop: AbortSignal | undefined) => Promise<U>,
  ): Promise<U> {
    if (this.#limited === null) return await withAnySignal(signals, work);
    return await this.#limited.within((limit) => withAnySignal([...signals, limit], work));
  }

  /** Returns the error for the caller. The outcome `not-sent` would be wrong if an earlier attempt may have been executed. */
  verdict(last: unknown): unknown {
    const error = last instanceof Final ? last.error : last;
    if (this.#limited?.expiry && isEndedBy(this.#limited.expiry, error)) return this.#outOfTime(this.#limited, error);
    if (last instanceof Final) return error;
    if (this.#unknown === null || !isPassing(last) || last === this.#unknown) return last;
    return new ConnectionLossError(this.#unknown.operation, this.#unknown.path, 'unknown', last);
  }

  #outOfTime({ limitMs }: LimitedOperation, interrupted: unknown): ConnectionLossError {
    const request = [this.#unknown, interrupted, this.#failure].find(isOfRequest);
    const outcome = this.#unknown === null ? 'not-sent' : 'unknown';
    const said = this.#failure === null ? whatWasMissing(interrupted) : `the last attempt: ${this.#failure.message}`;
    const cause = timeLimitPassed(limitMs, said, this.#failure);
    return new ConnectionLossError(request?.operation ?? 'open session', request?.path ?? null, outcome, cause);
  }
}

/** Returns a separate error for each call that the end of a `Keeper` ends, so that the stack has the frames of its caller. */
function ownError(reason: unknown): unknown {
  return reason instanceof ClosedError ? new ClosedError('keeper is closed', { cause: reason }) : reason;
}

/** Returns whether an error reports only that the time limit has passed. An answer that came in time remains the result. */
function isEndedBy(expiry: TimeLimitError, error: unknown): boolean {
  return error === expiry || isPassing(error);
}

function isOfRequest(error: unknown): error is ConnectionLossError | KeeperError {
  return error instanceof ConnectionLossError || error instanceof KeeperError;
}

function whatWasMissing(interrupted: unknown): string {
  if (!(interrupted instanceof ConnectionLossError)) return 'no session to send the request in';
  return interrupted.outcome === 'unknown' ? 'no reply to the request' : 'no connection to send the request on';
}

/**
 * Marks a request that must not be sent twice. If its outcome is unknown, the operation ends, whatever the retry policy says. The
 * operation also ends if its session expired, because a request for one session may be wrong in another.
 */
export async function once<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw isUnknown(error) || error instanceof SessionExpiredError ? new Final(error) : error;
  }
}
