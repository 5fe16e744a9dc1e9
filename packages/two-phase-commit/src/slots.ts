/** Lets a bounded number of things happen at once; those that finish something go before those that begin it. */
export class Slots {
  #free: number;
  readonly #finishing: (() => void)[] = [];
  readonly #beginning: (() => void)[] = [];

  /** @param count 1 or more */
  constructor(count: number) {
    this.#free = count;
  }

  /** Runs a function when it is its turn. */
  async run<T>(kind: 'begin' | 'finish', work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else {
      const waiting = kind === 'finish' ? this.#finishing : this.#beginning;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#finishing.shift() ?? this.#beginning.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
