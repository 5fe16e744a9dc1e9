import {
  FrameTooLargeError,
  type Keeper,
  KeeperError,
  SessionExpiredError,
  UnimplementedError,
} from '@zk-recipes/core';
import { hasCome, inMs, isPassing, type Moment, momentOf, systemClock } from '@zk-recipes/core/recipe-kit';

/** How long nothing is tried after the connection's retries were used up, in milliseconds. */
const PAUSE_MS = 1_000;
/** How long nothing is tried after the first refusal, and after many of them, in milliseconds. */
const SHORTEST_REFUSAL_PAUSE_MS = 100;
const LONGEST_REFUSAL_PAUSE_MS = 4_000;

/** What to do about the end of a consumer. */
export interface TroubleOptions {
  /** Whether a refusal of the server ends the consumer. */
  readonly endsOnRefusal: boolean;
  /** Told of what will not go well another time either. */
  readonly onFatal: (error: unknown) => void;
}

/** What a shift does about errors. */
export class Trouble {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #lapse: AbortSignal;
  readonly #options: TroubleOptions;
  #until: Moment = { monotonicMs: 0, wallMs: 0 };
  #refusalPauseMs = SHORTEST_REFUSAL_PAUSE_MS;

  /**
   * @param path for reports
   * @param lapse aborts when the session may be over: of what fails then nobody has to hear
   */
  constructor(keeper: Keeper, path: string, lapse: AbortSignal, options: TroubleOptions) {
    this.#keeper = keeper;
    this.#path = path;
    this.#lapse = lapse;
    this.#options = options;
  }

  /** Until when nothing is to be tried. */
  get until(): Moment {
    return this.#until;
  }

  /**
   * Whether an error ends the consumer: what can never go well, such as a list that is too large or a server that lacks an operation; and, where
   * the caller hears of it, a refusal of the server. A refusal, such as a missing permission or a quota, may pass.
   */
  isFatal(error: unknown): boolean {
    // An item that is too large for this consumer is none for another one.
    if (isPassing(error) || error instanceof FrameTooLargeError) return false;
    const isRefusal = error instanceof KeeperError && !(error instanceof UnimplementedError);
    return isRefusal ? this.#options.endsOnRefusal : true;
  }

  /** Waits for a while after what may go well another time; all else is the end. */
  meet(error: unknown, operation: string): void {
    if (this.#lapse.aborted || this.#keeper.closed) return;
    if (this.isFatal(error)) {
      this.#options.onFatal(error);
      return;
    }
    if (error instanceof SessionExpiredError) return;
    this.report(error, operation);
    // What fails at the same time is one failure.
    if (!hasCome(this.#until, momentOf(systemClock))) return;
    if (isPassing(error) || error instanceof FrameTooLargeError) {
      this.#until = inMs(PAUSE_MS);
      return;
    }
    this.#until = inMs(this.#refusalPauseMs);
    this.#refusalPauseMs = Math.min(2 * this.#refusalPauseMs, LONGEST_REFUSAL_PAUSE_MS);
  }

  /** Something went well: the pause after the next refusal is short again. */
  pass(): void {
    this.#refusalPauseMs = SHORTEST_REFUSAL_PAUSE_MS;
  }

  report(error: unknown, operation: string): void {
    if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, operation, this.#path);
  }
}
