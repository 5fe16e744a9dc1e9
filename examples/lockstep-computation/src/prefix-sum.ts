import { DoubleBarrier } from '@zk-recipes/barriers';
import type { Keeper } from '@zk-recipes/core';

/** How many numbers there are: as many as four steps can sum up. */
export const CELLS = 16;
const STEPS = 4;

/** One of the processes that compute together. */
export interface Worker {
  /** Its number, from 0. */
  readonly index: number;
  /** How many there are. */
  readonly workers: number;
  /** Told of each step that it begins, and of the one that it has ended. */
  readonly onStep: (what: 'begins' | 'ends', step: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sums up numbers so that each cell holds the sum of all up to it, in four steps: in step n each cell adds what the cell 2^(n-1) before it
 * held after the step before. So nobody may begin a step before all have ended the last one, which is what the double barrier sees to.
 *
 * @param path below which all is; what is there already is of this computation
 * @returns the sums
 */
export async function prefixSum(
  keeper: Keeper,
  path: string,
  input: readonly number[],
  worker: Worker,
): Promise<number[]> {
  const { index, workers, onStep, signal } = worker;
  const stage = new DoubleBarrier(keeper, `${path}/stage`, { members: workers, id: `worker-${index}` });
  const own = Array.from({ length: CELLS }, (_, cell) => cell).filter((cell) => cell % workers === index);
  const values = new Values(keeper, `${path}/values`, signal);

  await stage.run(() => values.write(0, own, (cell) => input[cell] ?? 0), { signal });
  for (let step = 1; step <= STEPS; step++) {
    await stage.run(
      async () => {
        onStep('begins', step);
        const before = await values.read(step - 1);
        const distance = 2 ** (step - 1);
        await values.write(step, own, (cell) => (before[cell] ?? 0) + (before[cell - distance] ?? 0));
        onStep('ends', step);
      },
      { signal },
    );
  }
  return await values.read(STEPS);
}

/** What each cell held after each step. */
class Values {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(keeper: Keeper, path: string, signal: AbortSignal | undefined) {
    this.#keeper = keeper;
    this.#path = path;
    this.#signal = signal;
  }

  /** By names of their own, so that a create whose reply was lost can be sent again. */
  async write(step: number, cells: readonly number[], compute: (cell: number) => number): Promise<void> {
    const create = this.#keeper.create().creatingParents().idempotent();
    const signal = this.#signal;
    await Promise.all(
      cells.map((cell) => create.forPath(`${this.#path}/${step}/${cell}`, `${compute(cell)}`, { signal })),
    );
  }

  /**
   * Who has left the barrier has seen that the others have, and so all that they had written before, whichever server it asks.
   *
   * @throws NoNodeError if somebody died before it had written its own
   */
  async read(step: number): Promise<number[]> {
    const cells = Array.from({ length: CELLS }, (_, cell) => cell);
    const signal = this.#signal;
    const read = this.#keeper.getData();
    return await Promise.all(
      cells.map(async (cell) => Number(await read.forPath(`${this.#path}/${step}/${cell}`, { signal }))),
    );
  }
}
