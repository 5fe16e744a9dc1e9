import {
  FrameTooLargeError,
  type Keeper,
  KeeperError,
  SessionExpiredError,
  UnimplementedError,
} from '@zk-recipes/core';
import { hasCome, inMs, isPassing, type Moment, momentOf, systemClock } from '@zk-recipes/core/recipe-kit';

/** Pause in milliseconds after the connection's retries were used up. */
const PAUSE_MS = 1_000;
/** Pause in milliseconds after the first refusal, and after many refusals. */
const SHORTEST_REFUSAL_PAUSE_MS = 100;
const LONGEST_REFUSAL_PAUSE_MS = 4_000;

/** Options for errors that end a consumer. */
export interface TroubleOptions {
  /** Whether a refusal by the server ends the consumer. */
  readonly endsOnRefusal: boolean;
  /** Called with an error that repetition cannot cure. */
  readonly onFatal: (error: unknown) => void;
}

/** Failure pause of a consumer session: classifies errors, and pauses after errors that may pass. */
export class Trouble {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #lapse: AbortSignal;
  readonly #options: TroubleOptions;
  #until: Moment = { monotonicMs: 0, wallMs: 0 };
  #refusalPauseMs = SHORTEST_REFUSAL_PAUSE_MS;

  /**
   * @param path path for reports
   * @param lapse aborts when the session may be over: later failures are not reported
   */
  constructor(keeper: Keeper, path: string, lapse: AbortSignal, options: TroubleOptions) {
    this.#keeper = keeper;
    this.#path = path;
    this.#lapse = lapse;
    this.#options = options;
  }

  /** Moment until which nothing is tried. */
  get until(): Moment {
    return this.#until;
  }

  /**
   * Whether an error ends the consumer. An error is fatal if it can never pass: a list that is too large, or a server that lacks an
   * operation. A refusal by the server, such as a missing permission or a quota, may pass. It is fatal if `endsOnRefusal` is set, so that
   * the caller receives it.
   */
  isFatal(error: unknown): boolean {
    // An item that is too large for this consumer may not be too large for another consumer.
    if (isPassing(error) || error instanceof FrameTooLargeError) return false;
    const isRefusal = error instanceof KeeperError && !(error instanceof UnimplementedError);
    return isRefusal ? this.#options.endsOnRefusal : true;
  }

  /** Pauses after an error that may pass; any other error ends the consumer. */
  meet(error: unknown, operation: string): void {
    if (this.#lapse.aborted || this.#keeper.closed) return;
    if (this.isFatal(error)) {
      this.#options.onFatal(error);
      return;
    }
    if (error instanceof SessionExpiredError) return;
    this.report(error, operation);
    // Errors at the same time count as one failure.
    if (!hasCome(this.#until, momentOf(systemClock))) return;
    if (isPassing(error) || error instanceof FrameTooLargeError) {
      this.#until = inMs(PAUSE_MS);
      return;
    }
    this.#until = inMs(this.#refusalPauseMs);
    this.#refusalPauseMs = Math.min(2 * this.#refusalPauseMs, LONGEST_REFUSAL_PAUSE_MS);
  }

  /** Records a success: the pause after the next refusal is short again. */
  pass(): void {
    this.#refusalPauseMs = SHORTEST_REFUSAL_PAUSE_MS;
  }

  report(error: unknown, operation: string): void {
    if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, operation, this.#path);
  }
}
