/** Random numbers that are the same for the same seed (mulberry32). */
export class SeededRandom {
  #state: number;

  /** @param seed any integer; only its lower 32 bits count */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Returns a number from 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Shuffles an array in place, and returns it. */
  shuffled<T>(elements: T[]): T[] {
    for (let last = elements.length - 1; last > 0; last--) {
      const other = Math.floor(this.next() * (last + 1));
      [elements[last], elements[other]] = [elements[other] as T, elements[last] as T];
    }
    return elements;
  }
}
