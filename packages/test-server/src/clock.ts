import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import { isNumber } from './argument-checks.js';

/** Clock of the server. A test may replace it. */
export interface Clock {
  /** Returns monotonic milliseconds, which decide the expiry of sessions. */
  now(): number;
  /** Returns wall-clock milliseconds since 1970, for `ctime` and `mtime`. */
  wallNow(): number;
  /** Calls a callback after a delay in milliseconds. @returns a function that cancels the call */
  schedule(delayMs: number, callback: () => void): () => void;
}

/*
 * Node's functions are read when this module is first imported. Fake timers of a test runner replace them later; with fake timers the server
 * would expire no session, or all sessions at once.
 */
const { clearTimeout, setTimeout } = timers;
const monotonicNow = performance.now.bind(performance);
const wallNow = Date.now;

/** Real clocks of this machine. They stay real when a test installs fake timers after the first import of this package. */
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

/** Clock whose time advances only by {@link VirtualClock.advance}. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #startMs: number;
  readonly #timers: Set<Timer> = new Set();

  /** @param startMs first time of the wall clock, in milliseconds since 1970; by default the start of the year 2024 */
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
   * Advances the time. Every timer that becomes due fires, in the order of time, before this method returns. The server's messages are then
   * still on their way to the clients: wait for the event that they cause.
   *
   * @param ms milliseconds; from 0
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
