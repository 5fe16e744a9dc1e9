import { systemClock } from 'zookeeper-ts-client';

/** A timer that a test ends before its time. */
export interface EarlyTimer {
  /** Calls back now. Nothing happens if there was no such timer, or after `release`. */
  fire(): void;
  /** Leaves the timer to itself, and catches none any more. */
  release(): void;
}

/**
 * Catches the next timer of a given length, so that a test on real time decides when it fires, whatever a busy machine does meanwhile. A timer
 * that the test does not end fires at its time.
 *
 * @param lengthMs milliseconds, a number that no other timer has
 */
export function catchTimer(lengthMs: number): EarlyTimer {
  const { schedule } = systemClock;
  let fire = (): void => {};
  const restore = (): void => {
    systemClock.schedule = schedule;
  };
  systemClock.schedule = (delayMs, callback, options) => {
    const cancel = schedule(delayMs, callback, options);
    if (delayMs === lengthMs) {
      restore();
      fire = () => {
        cancel();
        callback();
      };
    }
    return cancel;
  };
  return {
    fire: () => fire(),
    release: () => {
      restore();
      fire = () => {};
    },
  };
}
