import { FrameTooLargeError, type Keeper, SessionExpiredError } from '@zk-recipes/core';
import { inMs, isPassing, type Moment } from '@zk-recipes/core/recipe-kit';

/** How long nothing is tried after the connection's retries were used up. */
const PAUSE_MS = 1_000;

/** What a shift does about errors. */
export class Trouble {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #lapse: AbortSignal;
  readonly #onFatal: (error: unknown) => void;
  #until: Moment = { monotonicMs: 0, wallMs: 0 };

  /**
   * @param path for reports
   * @param lapse aborts when the session may be over: of what fails then nobody has to hear
   * @param onFatal told of what will not go well another time either
   */
  constructor(keeper: Keeper, path: string, lapse: AbortSignal, onFatal: (error: unknown) => void) {
    this.#keeper = keeper;
    this.#path = path;
    this.#lapse = lapse;
    this.#onFatal = onFatal;
  }

  /** Until when nothing is to be tried. */
  get until(): Moment {
    return this.#until;
  }

  /** Waits for a while after what may go well another time; all else is the end. */
  meet(error: unknown, operation: string): void {
    if (this.#lapse.aborted || this.#keeper.closed) return;
    // An item that is too large for this consumer is none for another one.
    if (!(isPassing(error) || error instanceof FrameTooLargeError)) this.#onFatal(error);
    else if (!(error instanceof SessionExpiredError)) {
      this.report(error, operation);
      this.#until = inMs(PAUSE_MS);
    }
  }

  report(error: unknown, operation: string): void {
    if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, operation, this.#path);
  }
}
