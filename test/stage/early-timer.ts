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
  const original = globalThis.setTimeout;
  let fire = (): void => {};
  const restore = (): void => {
    globalThis.setTimeout = original;
  };
  const catching = (callback: () => void, ms?: number): NodeJS.Timeout => {
    const timer = original(callback, ms);
    if (ms === lengthMs) {
      restore();
      fire = () => {
        clearTimeout(timer);
        callback();
      };
    }
    return timer;
  };
  globalThis.setTimeout = Object.assign(catching, original);
  return {
    fire: () => fire(),
    release: () => {
      restore();
      fire = () => {};
    },
  };
}
