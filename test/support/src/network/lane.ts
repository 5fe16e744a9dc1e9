/** What a lane carries: bytes, or the end of the stream. */
type Item = { readonly bytes: Buffer | null; readonly dueMs: number };

/**
 * One direction of a proxied connection: first in, first out, with a delay, or held back altogether. What is held back
 * is kept, as TCP would send it again: nothing is lost while the connection lives.
 */
export class Lane {
  readonly #deliver: (bytes: Buffer | null) => void;
  #items: Item[] = [];
  #delayMs = 0;
  #isHeld = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param deliver passes bytes on; `null` is the end of the stream */
  constructor(deliver: (bytes: Buffer | null) => void) {
    this.#deliver = deliver;
  }

  /** The delay of what comes from now on, in milliseconds. */
  set delayMs(value: number) {
    this.#delayMs = value;
  }

  /** While true nothing is passed on. */
  set isHeld(value: boolean) {
    this.#isHeld = value;
    this.#flush();
  }

  push(bytes: Buffer | null): void {
    // Never due before what is ahead of it: a delay that shrinks reorders nothing.
    const dueMs = Math.max(performance.now() + this.#delayMs, this.#items.at(-1)?.dueMs ?? 0);
    this.#items.push({ bytes, dueMs });
    this.#flush();
  }

  /** Forgets what is under way. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#items = [];
  }

  #flush(): void {
    clearTimeout(this.#timer);
    while (!this.#isHeld) {
      const next = this.#items[0];
      if (next === undefined) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(waitMs));
        return;
      }
      this.#items.shift();
      this.#deliver(next.bytes);
    }
  }
}
