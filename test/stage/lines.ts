import { type Keeper, NoNodeError } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';

/** Names in a directory; none if it does not exist. */
export async function namesIn(keeper: Keeper, directory: string): Promise<string[]> {
  try {
    return await keeper.getChildren().forPath(directory);
  } catch (error) {
    if (error instanceof NoNodeError) return [];
    throw error;
  }
}

/**
 * Resolves when a directory is empty, or does not exist: nobody has left a ghost behind.
 *
 * @param keeper somebody else's, so that nothing of what is looked for is cleaned up by the looking
 */
export async function untilEmpty(keeper: Keeper, directory: string, timeoutMs = 10_000): Promise<void> {
  await untilNames(keeper, directory, 0, timeoutMs);
}

/** Resolves with the names in a directory when there are so many. */
export async function untilNames(
  keeper: Keeper,
  directory: string,
  count: number,
  timeoutMs = 10_000,
): Promise<string[]> {
  return await until(
    async () => {
      const names = await namesIn(keeper, directory);
      return names.length === count ? names : undefined;
    },
    { what: `${count} znodes in ${directory}`, timeoutMs },
  );
}

/** Whether a promise has settled by now; what is ready to run has run before the answer. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}
