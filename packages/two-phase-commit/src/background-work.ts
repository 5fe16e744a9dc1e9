import type { Keeper } from '@zk-recipes/core';
import { messageOf, persevere } from '@zk-recipes/core/recipe-kit';

/** Background work; each piece is repeated until it succeeds or its signal aborts. */
export class BackgroundWork {
  readonly #keeper: Keeper;
  readonly #onFailure: (error: unknown) => void;
  readonly #underWay = new Set<Promise<void>>();

  /** @param onFailure called for each failure that differs from the one before; after a pause the work is repeated */
  constructor(keeper: Keeper, onFailure: (error: unknown) => void) {
    this.#keeper = keeper;
    this.#onFailure = onFailure;
  }

  /** @param onLeft called when the signal aborts, or the `Keeper` is closed, before the work has succeeded */
  begin(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal, onLeft = (): void => {}): void {
    let told = '';
    const onFailure = (error: unknown): void => {
      const message = messageOf(error);
      if (message !== told) this.#onFailure(error);
      told = message;
    };
    const done: Promise<void> = persevere(this.#keeper, () => work(signal), { signal, onFailure })
      .catch(onLeft)
      .then(() => void this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Resolves when all work that is under way now has ended. */
  async untilEnded(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
