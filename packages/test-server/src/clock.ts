import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import { isNumber } from './argument-checks.js';

/** Where the server gets the time from; injected, so that tests can turn the hands. */
export interface Clock {
  /** Monotonic milliseconds, by which sessions expire. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for `ctime` and `mtime`. */
  wallNow(): number;
  /** Calls back after so many milliseconds; the result cancels it. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/*
 * Node's functions, taken when this module is first imported: fake timers of a test runner replace them later on, and a server that obeyed them would
 * expire no session, or all at once.
 */
const { clearTimeout, setTimeout } = timers;
const monotonicNow = performance.now.bind(performance);
const wallNow = Date.now;

/** The clocks of this machine. They stay real when a test installs fake timers after the first import of this package. */
export const systemClock: Clock = {
  now: () => monotonicNow(),
  wallNow: () => wallNow(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const isDuration = isNumber(0);

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Virtual time: it stands still until {@link VirtualClock.advance} is called. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #startMs: number;
  readonly #timers: Set<Timer> = new Set();

  /** @param startMs what the wall clock shows at first, in milliseconds since 1970; by default the year 2024 */
  constructor(startMs = 1_704_067_200_000) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return this.#startMs + this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /**
   * Lets time pass: every timer that becomes due fires, in the order of time, before this returns. What the server then
   * sends is on its way to the clients; wait for the event that it brings about.
   *
   * @param ms milliseconds, 0 or more
   */
  advance(ms: number): void {
    isDuration('ms', ms);
    const targetMs = this.#nowMs + ms;
    for (let timer = this.#next(targetMs); timer !== undefined; timer = this.#next(targetMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
    }
    this.#nowMs = targetMs;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}
