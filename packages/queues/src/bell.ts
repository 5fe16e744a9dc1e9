import { type Moment, MomentTimer, withAnySignal } from '@zk-recipes/core/recipe-kit';

/** Wake-up of a loop. A waiting loop continues when the bell rings, and at once if the bell has rung since the last wait. */
export class Bell {
  #hasRung = false;
  #goOn: (() => void) | null = null;
  readonly #timer = new MomentTimer();

  ring(): void {
    this.#hasRung = true;
    this.#goOn?.();
  }

  /** Rings at a moment, by whichever clock reaches it first. Replaces the moment that was set before. */
  ringAt(moment: Moment): void {
    this.#timer.set(moment, () => this.ring());
  }

  /** Forgets that the bell has rung. */
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

  /** Runs work that ends at the latest when the bell rings or the signal aborts. */
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
