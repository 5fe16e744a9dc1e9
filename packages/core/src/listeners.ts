/** Functions that want to hear of something. One that throws harms neither the others nor the one that tells. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #waiting: Event[] = [];
  readonly #onThrow: (error: unknown) => void;
  #telling = false;

  /** @param onThrow hears of what a listener throws */
  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  add(listener: (event: Event) => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: (event: Event) => void): void {
    this.#listeners.delete(listener);
  }

  /** Tells all listeners. What a listener itself brings about is told afterwards, so that all hear everything in one order. */
  tell(event: Event): void {
    this.#waiting.push(event);
    if (this.#telling) return;
    this.#telling = true;
    // By their number: `undefined` is an event, too, where there is nothing to say but that it happened.
    while (this.#waiting.length > 0) this.#tellOne(this.#waiting.shift() as Event);
    this.#telling = false;
  }

  #tellOne(event: Event): void {
    for (const listener of [...this.#listeners]) {
      // One that another has removed just now does not want to hear of it any more.
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(event);
      } catch (error) {
        this.#onThrow(error);
      }
    }
  }
}
