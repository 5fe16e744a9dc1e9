/** A bell: who waits goes on when it rings, and at once if it has rung since the last wait. */
export class Bell {
  #hasRung = false;
  #goOn: (() => void) | null = null;

  ring(): void {
    this.#hasRung = true;
    this.#goOn?.();
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
}
