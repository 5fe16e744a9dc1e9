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

/** A session that serves requests, as the executor sees it. */
export interface Incarnation {
  readonly zookeeper: ZooKeeper;
  /** Ordinal of the session; the first is 1. */
  readonly epoch: number;
}

/** Where the executor finds sessions. */
export interface SessionSource {
  /** Aborts when nothing new is to be begun any more; its reason says why. */
  readonly over: AbortSignal;
  /** The session to use now, of this epoch or a later one; `null` while there is none. */
  usable(sinceEpoch: number): Incarnation | null;
  /** Waits for such a session, at most as long as a request may wait for a connection. */
  awaitUsable(sinceEpoch: number, signal: AbortSignal | undefined): Promise<Incarnation>;
}

/** What an attempt has to work with. */
export interface Attempt extends Incarnation {
  /** To be handed to every request, so that nothing is sent after the caller has given up or the time limit has passed. */
  readonly signal: RequestSignal | undefined;
}

/** How an operation is to be run. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Instead of the policy of the `Keeper`. */
  readonly retry?: RetryPolicy;
  /** Runs on while the `Keeper` closes; for what has to be cleaned up. */
  readonly whileClosing?: boolean;
}

/** Holds an error that no retry may follow. Never leaves the executor. */
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

  /** @param operationTimeoutMs for all attempts of one operation together, from 1 to 2^31-1, or `Infinity` */
  constructor(sessions: SessionSource, retry: RetryPolicy, operationTimeoutMs: number = Number.POSITIVE_INFINITY) {
    this.#sessions = sessions;
    this.#retry = retry;
    this.#limit = operationTimeoutMs === Number.POSITIVE_INFINITY ? null : new OperationLimit(operationTimeoutMs);
  }

  /** The session that would be used now; `null` while there is none. */
  get current(): Incarnation | null {
    return this.#sessions.usable(0);
  }

  /**
   * Runs an operation.
   *
   * @param perform makes one attempt. It is repeated after every error for which `isPassing` holds, except for those that
   *   came through `once`
   * @throws the signal's reason; the error that no retry may follow; or that of the last attempt. A connection loss says
   *   `unknown` if any of the attempts had an unknown outcome. When the time limit passes, it is a connection loss caused by a
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
      // p-retry discards a result that came together with the end of the waiting. What was done is not to be denied.
      if (done === undefined) {
        if (signal?.aborted) throw signal.reason;
        throw stops.some((stop) => stop?.aborted) ? ownError(over.reason) : attempts.verdict(error);
      }
    }
    return (done as { readonly result: T }).result;
  }
}

/** The attempts of one operation, and what they have in common. */
class Attempts<T> {
  readonly #sessions: SessionSource;
  readonly #perform: (attempt: Attempt) => Promise<T>;
  readonly #options: RunOptions;
  readonly #limited: LimitedOperation | null;
  #sinceEpoch = 0;
  #unknown: ConnectionLossError | null = null;
  /** Why the newest attempt failed that the time limit did not end. */
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
      // What was to be done in one session was done in the next.
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

  /** Does something that ends with the first of the signals, and with the time limit. */
  async within<U>(
    signals: readonly (AbortSignal | undefined)[],
    work: (stop: AbortSignal | undefined) => Promise<U>,
  ): Promise<U> {
    if (this.#limited === null) return await withAnySignal(signals, work);
    return await this.#limited.within((limit) => withAnySignal([...signals, limit], work));
  }

  /** What to tell the caller: "not sent" would be a lie if an earlier attempt may have been executed. */
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

/** The end of a `Keeper` ends many calls: each has an error of its own, whose stack has the frames of its caller. */
function ownError(reason: unknown): unknown {
  return reason instanceof ClosedError ? new ClosedError('keeper is closed', { cause: reason }) : reason;
}

/** Whether an error says no more than that the time limit has passed. An answer that came in time stays the answer. */
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
 * Marks a request that must not be sent twice: when its outcome is unknown, that is the end of the operation, whatever the
 * retry policy says. So it is when its session expired, since what a caller meant for one session need not be right in another.
 */
export async function once<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw isUnknown(error) || error instanceof SessionExpiredError ? new Final(error) : error;
  }
}
