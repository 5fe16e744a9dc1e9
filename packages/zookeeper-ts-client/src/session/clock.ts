/** Where a session gets the time from; injected, so that tests can turn the hands. */
export interface Clock {
  /** Monotonic milliseconds; stand still while the machine is suspended. */
  now(): number;
  /** Wall-clock milliseconds; go on while the machine is suspended, and may jump. */
  wallNow(): number;
  /** Calls back after so many milliseconds; the result cancels it. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** Calls back after the I/O that is ready now has been handled. */
  afterIo(callback: () => void): void;
}

/** The clocks of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  afterIo: (callback) => void setImmediate(callback),
};

/** One moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** The present moment. */
export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.now(), wallMs: clock.wallNow() };
}

/** Milliseconds since a moment, by whichever clock says more: a suspended machine stops one, a clock set back the other. */
export function elapsedSince(moment: Moment, now: Moment): number {
  return Math.max(now.monotonicMs - moment.monotonicMs, now.wallMs - moment.wallMs);
}

/** One thing that is to happen later: setting it anew forgets what was set before. */
export class Timer {
  readonly #clock: Clock;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether something is set that has not happened yet. */
  get isSet(): boolean {
    return this.#cancel !== null;
  }

  set(delayMs: number, callback: () => void): void {
    this.clear();
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#cancel = null;
      callback();
    });
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
