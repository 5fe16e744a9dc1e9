import { type Clock, type Moment, systemClock } from 'zookeeper-ts-client';

/** Interval in which a wait for the wall clock checks it, in milliseconds: no timer fires when the wall clock jumps. */
const WALL_CLOCK_CHECK_MS = 5_000;

/** Moment that never comes. */
export const NEVER: Moment = { monotonicMs: Number.POSITIVE_INFINITY, wallMs: Number.POSITIVE_INFINITY };

/** Returns the moment after a delay from now; a jump of the wall clock does not move it. */
export function inMs(delayMs: number, clock: Clock = systemClock): Moment {
  return { monotonicMs: clock.now() + delayMs, wallMs: Number.POSITIVE_INFINITY };
}

/** Returns whether one of the clocks has reached a moment. */
export function hasCome(moment: Moment, now: Moment): boolean {
  return moment.monotonicMs <= now.monotonicMs || moment.wallMs <= now.wallMs;
}

/** Returns the earlier of two moments, by each clock. */
export function earlierOf(one: Moment, other: Moment): Moment {
  return {
    monotonicMs: Math.min(one.monotonicMs, other.monotonicMs),
    wallMs: Math.min(one.wallMs, other.wallMs),
  };
}

/**
 * Timer for one call at a moment: as soon as the monotonic clock or the wall clock has reached it, whichever is first. The timer notices
 * a jump of the wall clock within 5 seconds. A new call replaces the previous one.
 */
export class MomentTimer {
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Calls back once at a moment, and never before `set` returns. */
  set(moment: Moment, callback: () => void): void {
    this.clear();
    const leftMs = this.#leftMs(moment);
    if (leftMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.schedule(Math.max(1, leftMs), () => {
      if (this.#leftMs(moment) > 0) this.set(moment, callback);
      else callback();
    });
  }

  clear(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  /** Returns the time until the moment, or until the next check of the wall clock. */
  #leftMs({ monotonicMs, wallMs }: Moment): number {
    const checkMs = wallMs === Number.POSITIVE_INFINITY ? wallMs : WALL_CLOCK_CHECK_MS;
    return Math.ceil(Math.min(monotonicMs - this.#clock.now(), wallMs - this.#clock.wallNow(), checkMs));
  }
}
