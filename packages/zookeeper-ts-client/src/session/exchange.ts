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

/** What to send, and what to make of the answer. */
export interface ExchangeOptions<Request, Response, Result> {
  readonly operation: Operation<Request, Response>;
  /** A function makes it when it is written: what stands before it on the wire is known then. */
  readonly request: Request | (() => Request);
  /** The path as the caller gave it, for errors. */
  readonly path: string | null;
  /** Of a transaction the paths of its operations, for errors. */
  readonly paths?: () => readonly string[];
  /** Runs while the reply's frame is handled, before the next frame is looked at. */
  readonly result: (response: Response) => Result;
  /** An error code that is an answer too, and what it means. */
  readonly answer?: { readonly errorCode: number; readonly result: Result } | undefined;
  /** Told the error code of the reply (0 for none), also when nobody waits for it any more. */
  readonly onReply?: (err: number) => void;
  /** Told that no reply will come. */
  readonly onLost?: () => void;
  /** Whether it goes before the requests that wait for room on the connection. */
  readonly ahead?: boolean;
  readonly signal?: RequestSignal | undefined;
}

/**
 * What an exchange rejects with: how to make the error of a request that has failed. The error is made where it is thrown to the caller, after an
 * `await` of the caller's own call: only there its stack has the caller's frames.
 */
export class Failure {
  readonly #make: () => unknown;

  constructor(make: () => unknown) {
    this.#make = make;
  }

  /** The error, a new one each time. */
  get error(): unknown {
    return withCallerFrames(this.#make);
  }
}

const NEVER: Moment = { monotonicMs: 0, wallMs: 0 };

/** One request with the promise of its result, which settles exactly once: it rejects with a `Failure`, or with the reason of a signal. */
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

  /** Whether the caller has its result, or has given up. */
  get settled(): boolean {
    return this.#settled;
  }

  /**
   * Rejects when the signal aborts.
   *
   * @param withdraw takes the request out of the queue of unsent requests; returns whether it was there
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

  /** Rejects if the signal has aborted: the request is not sent. */
  rejectIfAborted(): boolean {
    const { signal } = this.#options;
    if (!signal?.aborted) return false;
    this.#options.onLost?.();
    if (this.#end()) this.#reject(this.#errorOfAbort(signal, 'not-sent'));
    return true;
  }

  write(writer: JuteWriter): void {
    const { operation, request } = this.#options;
    // No request of the protocol is a function.
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

  /** Whether the promise has yet to be settled, which is then up to the caller. */
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
