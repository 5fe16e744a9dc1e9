import { performance } from 'node:perf_hooks';
import process from 'node:process';
import timers from 'node:timers';

/** Where a session gets the time from; injected, so that tests can turn the hands. */
export interface Clock {
  /** Monotonic milliseconds; stand still while the machine is suspended. */
  now(): number;
  /** Wall-clock milliseconds since 1970; go on while the machine is suspended, and may jump. */
  wallNow(): number;
  /**
   * Calls back once, later.
   *
   * @param delayMs milliseconds, 0 or more, of any length; `Infinity` for never
   * @returns a function that cancels the call
   */
  schedule(delayMs: number, callback: () => void, options?: ScheduleOptions): () => void;
  /** Calls back after the I/O that is ready now has been handled. */
  afterIo(callback: () => void): void;
  /** Calls back at the end of this tick, before any further I/O. */
  afterTick(callback: () => void): void;
}

/** How a call is scheduled. */
export interface ScheduleOptions {
  /** Whether the scheduled call keeps the process alive. Default `true`. */
  readonly keepsAlive?: boolean;
}

/** Node's timers take no longer delay: a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/*
 * Node's functions, taken when this module is first imported. Fake timers of a test runner replace them in the modules of Node and among the
 * globals later on; a session whose pings and time limits obeyed fake time would lose its holds in real time.
 */
const { clearTimeout, setImmediate, setTimeout } = timers;
const { nextTick } = process;
const monotonicNow = performance.now.bind(performance);
const wallNow = Date.now;

/**
 * The clocks and timers of this machine, for all packages of the project. They stay real when a test installs fake timers after the first import of
 * this package: time limits, pings and the validity of holds go by the server's time, which no test runner can fake.
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
