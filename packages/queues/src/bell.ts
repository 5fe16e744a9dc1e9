import { withAnySignal } from '@zk-recipes/core/recipe-kit';

/** The longest delay of a timer; longer ones would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A bell: who waits goes on when it rings, and at once if it has rung since the last wait. */
export class Bell {
  #hasRung = false;
  #goOn: (() => void) | null = null;
  #timer: NodeJS.Timeout | undefined;

  ring(): void {
    this.#hasRung = true;
    this.#goOn?.();
  }

  /** Rings at a moment, instead of one that was set before. @param atMs milliseconds since 1970; infinite for never */
  ringAt(atMs: number): void {
    clearTimeout(this.#timer);
    if (atMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(1, Math.ceil(atMs - Date.now()));
    this.#timer = setTimeout(() => this.ring(), Math.min(delayMs, LONGEST_TIMER_MS));
  }

  /** Forgets that it has rung. */
  silence(): void {
    this.#hasRung = false;
  }

  async wait(): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
    }
    this.#goOn = null;
    this.#hasRung = false;
  }

  /** Does something that ends when it rings, at the latest, or when the signal aborts. */
  async during(signal: AbortSignal, work: (signal: AbortSignal | undefined) => Promise<void>): Promise<void> {
    const rung = new AbortController();
    const ringing = this.wait().then(() => rung.abort());
    try {
      await withAnySignal([signal, rung.signal], work);
    } catch (error) {
      if (!signal.aborted && !rung.signal.aborted) throw error;
    } finally {
      this.ring();
      await ringing;
      this.silence();
    }
  }
}
