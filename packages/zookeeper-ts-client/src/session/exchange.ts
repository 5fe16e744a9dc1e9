import { ErrorCode } from '../errors/error-code.js';
import {
  AuthFailedError,
  ConnectionLossError,
  describeRequest,
  errorOfReply,
  type RequestOutcome,
} from '../errors/errors.js';
import type { JuteReader } from '../jute/reader.js';
import type { JuteWriter } from '../jute/writer.js';
import type { Operation } from '../protocol/operation.js';
import { withCallerFrames } from './caller-frames.js';
import type { Moment } from './clock.js';
import type { PendingRequest } from './pending-requests.js';
import type { RequestSignal } from './request-signal.js';
import { follow, unfollow } from './signal-followers.js';

/** A request to send, and how to handle its reply. */
export interface ExchangeOptions<Request, Response, Result> {
  readonly operation: Operation<Request, Response>;
  /**
   * The record of the request. A function makes the record when the request is written: only then are the earlier requests on the wire
   * known.
   */
  readonly request: Request | (() => Request);
  /** The path as the caller gave it, for error messages. */
  readonly path: string | null;
  /** The paths of the operations of a transaction, for error messages. */
  readonly paths?: () => readonly string[];
  /** Converts the response. Runs while the client handles the reply's frame, before the client reads the next frame. */
  readonly result: (response: Response) => Result;
  /** An error code that counts as a successful reply, and the result for it. */
  readonly answer?: { readonly errorCode: number; readonly result: Result } | undefined;
  /** Receives the error code of the reply (0 for none), even when no caller waits for the reply any more. */
  readonly onReply?: (err: number) => void;
  /** Called when no reply will come. */
  readonly onLost?: () => void;
  /** Whether the request is sent before the requests that wait for room on the connection. */
  readonly ahead?: boolean;
  readonly signal?: RequestSignal | undefined;
}

/**
 * The rejection of an exchange: a factory for the error of a failed request. The session creates the error where the caller receives it,
 * after an `await` in the caller's own call. Only there does the error's stack contain the caller's frames.
 */
export class Failure {
  readonly #make: () => unknown;

  constructor(make: () => unknown) {
    this.#make = make;
  }

  /** A new error at each access. */
  get error(): unknown {
    return withCallerFrames(this.#make);
  }
}

const NEVER: Moment = { monotonicMs: 0, wallMs: 0 };

/**
 * A request with the promise of its result. The promise settles exactly once. It rejects with a `Failure`, with the reason of a signal, or
 * with the error that `result` throws.
 */
export class Exchange<Request, Response, Result> implements PendingRequest {
  readonly promise: Promise<Result>;
  xid = 0;
  sentAt: Moment = NEVER;
  bytes = 0;
  readonly #options: ExchangeOptions<Request, Response, Result>;
  #resolve!: (result: Result) => void;
  #reject!: (error: unknown) => void;
  #settled = false;
  #onAbort: (() => void) | null = null;

  constructor(options: ExchangeOptions<Request, Response, Result>) {
    this.#options = options;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get name(): string {
    return this.#options.operation.name;
  }

  get opCode(): number {
    return this.#options.operation.opCode;
  }

  get path(): string | null {
    return this.#options.path;
  }

  get description(): string {
    return describeRequest(this.name, this.path, this.#options.paths?.());
  }

  get mayRepeat(): boolean {
    return !this.#settled && this.#options.operation.isRead === true;
  }

  get parts(): number {
    const { operation, request } = this.#options;
    return typeof request === 'function' ? 1 : (operation.parts?.(request) ?? 1);
  }

  /** Whether the promise is settled: with a result, with an error, or because the caller aborted the request. */
  get settled(): boolean {
    return this.#settled;
  }

  /**
   * Rejects the promise when the signal aborts.
   *
   * @param withdraw removes the request from the queue of unsent requests; returns whether the request was there
   */
  watchSignal(withdraw: () => boolean): void {
    const { signal } = this.#options;
    if (signal === undefined) return;
    this.#onAbort = () => {
      const outcome = withdraw() ? 'not-sent' : 'unknown';
      if (this.#end()) this.#reject(this.#errorOfAbort(signal, outcome));
    };
    follow(signal, this.#onAbort);
  }

  /** Rejects the promise if the signal has already aborted, and returns whether it did. The session then does not send the request. */
  rejectIfAborted(): boolean {
    const { signal } = this.#options;
    if (!signal?.aborted) return false;
    this.#options.onLost?.();
    if (this.#end()) this.#reject(this.#errorOfAbort(signal, 'not-sent'));
    return true;
  }

  write(writer: JuteWriter): void {
    const { operation, request } = this.#options;
    // No request of the protocol is a function, so a function always makes the request.
    operation.request.write(writer, typeof request === 'function' ? (request as () => Request)() : request);
  }

  reply(err: number, body: JuteReader): void {
    const { operation, answer, path } = this.#options;
    if (err !== ErrorCode.OK) {
      this.#options.onReply?.(err);
      if (!this.#end()) return;
      if (answer !== undefined && answer.errorCode === err) this.#resolve(answer.result);
      else this.#reject(new Failure(() => errorOfReply(err, operation.name, path)));
      return;
    }
    const response = operation.response.read(body);
    this.#options.onReply?.(err);
    if (!this.#end()) return;
    try {
      this.#resolve(this.#options.result(response));
    } catch (error) {
      this.#reject(error);
    }
  }

  lose(outcome: RequestOutcome, cause: Error): void {
    this.fail(() => {
      const loss = this.#loss(outcome, cause);
      return cause instanceof AuthFailedError ? new AuthFailedError(undefined, { cause: loss }) : loss;
    });
  }

  fail(error: () => unknown): void {
    this.#options.onLost?.();
    if (this.#end()) this.#reject(new Failure(error));
  }

  #errorOfAbort({ reason, endsAsLoss }: RequestSignal, outcome: RequestOutcome): unknown {
    return endsAsLoss ? new Failure(() => this.#loss(outcome, reason)) : reason;
  }

  #loss(outcome: RequestOutcome, cause: unknown): ConnectionLossError {
    return new ConnectionLossError(this.name, this.path, outcome, cause, this.#options.paths?.());
  }

  /**
   * Marks the promise as settled and stops following the signal. Returns `true` at the first call only: that caller must settle the
   * promise.
   */
  #end(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    if (this.#onAbort !== null) {
      unfollow(this.#options.signal, this.#onAbort);
      this.#onAbort = null;
    }
    return true;
  }
}
