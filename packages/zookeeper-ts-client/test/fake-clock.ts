import type { Clock } from '../src/session/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Resolves when everything that is ready now has run: ticks, promises, and the turn of the event loop behind them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock whose hands a test turns. */
export class FakeClock implements Clock {
  #nowMs = 1000;
  #wallAheadMs = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return this.#nowMs + this.#wallAheadMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  afterIo(callback: () => void): void {
    setImmediate(callback);
  }

  afterTick(callback: () => void): void {
    process.nextTick(callback);
  }

  /** Number of timers that have not fired. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets time pass, and all that it brings about happen in its order. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms;
    for (let timer = this.#next(targetMs); timer !== null; timer = this.#next(targetMs)) {
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      this.#fire(timer);
      await settled();
    }
    this.#nowMs = targetMs;
    await settled();
  }

  /** Lets time pass as for a process whose event loop is blocked: every timer that is due fires at the end, at once. */
  block(ms: number): void {
    this.#nowMs += ms;
    for (let timer = this.#next(this.#nowMs); timer !== null; timer = this.#next(this.#nowMs)) this.#fire(timer);
  }

  /** Lets only the wall clock go on, as while the machine is suspended. */
  suspend(ms: number): void {
    this.#wallAheadMs += ms;
  }

  #next(untilMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    timer.callback();
  }
}
