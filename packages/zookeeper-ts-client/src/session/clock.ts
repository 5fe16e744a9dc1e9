import { performance } from 'node:perf_hooks';
import process from 'node:process';
import timers from 'node:timers';

/** The source of time of a session; injected, so that tests can control the time. */
export interface Clock {
  /** Returns monotonic milliseconds, which stand still while the machine is suspended. */
  now(): number;
  /** Returns wall-clock milliseconds since 1970, which advance while the machine is suspended and may jump. */
  wallNow(): number;
  /**
   * Calls a function once, after a delay.
   *
   * @param delayMs milliseconds, 0 or more, of any length; `Infinity` for never
   * @returns a function that cancels the call
   */
  schedule(delayMs: number, callback: () => void, options?: ScheduleOptions): () => void;
  /** Calls a function after the I/O that is ready now has been handled. */
  afterIo(callback: () => void): void;
  /** Calls a function at the end of this tick, before any further I/O. */
  afterTick(callback: () => void): void;
}

/** Options of a scheduled call. */
export interface ScheduleOptions {
  /** Whether the scheduled call keeps the process alive. Default `true`. */
  readonly keepsAlive?: boolean;
}

/** The longest delay of Node's timers, in milliseconds: a timer with a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/*
 * Node's functions, captured when this module is first imported. The fake timers of a test runner later replace the functions in Node's
 * modules and among the globals. A session whose pings and time limits followed fake time would lose its holds in real time.
 */
const { clearTimeout, setImmediate, setTimeout } = timers;
const { nextTick } = process;
const monotonicNow = performance.now.bind(performance);
const wallNow = Date.now;

/**
 * The clocks and timers of this machine, for all packages of the project. They stay real when a test installs fake timers after the first
 * import of this package. Time limits, pings and the validity of holds follow the server's time, which no test runner can fake.
 */
export const systemClock: Clock = {
  now: () => monotonicNow(),
  wallNow: () => wallNow(),
  schedule: (delayMs, callback, { keepsAlive = true } = {}) => {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const isLast = leftMs <= LONGEST_TIMER_MS;
      timer = setTimeout(isLast ? callback : () => arm(leftMs - LONGEST_TIMER_MS), isLast ? leftMs : LONGEST_TIMER_MS);
      if (!keepsAlive) timer.unref();
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
  afterIo: (callback) => void setImmediate(callback),
  afterTick: (callback) => nextTick(callback),
};

/** A moment, read on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Returns the present moment. */
export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.now(), wallMs: clock.wallNow() };
}

/**
 * Returns the milliseconds since a moment, by the clock that shows more. A suspended machine stops the monotonic clock; a clock that is set
 * back makes the wall-clock time too short.
 */
export function elapsedSince(moment: Moment, now: Moment): number {
  return Math.max(now.monotonicMs - moment.monotonicMs, now.wallMs - moment.wallMs);
}

/** A timer for at most one callback; setting the timer again discards the earlier callback. */
export class Timer {
  readonly #clock: Clock;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a callback is set that has not run yet. */
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
