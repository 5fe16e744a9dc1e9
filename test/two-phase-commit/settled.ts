import type { Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';

/** Resolves when no transaction is left, nor any entry of an inbox. */
export async function untilSettled(keeper: Keeper, path: string, timeoutMs = 20_000): Promise<void> {
  await until(
    async () => {
      const names = await namesIn(keeper, `${path}/participants`);
      const places = [`${path}/transactions`, ...names.map((name) => `${path}/participants/${name}/inbox`)];
      const left = await Promise.all(places.map((place) => namesIn(keeper, place)));
      return left.flat().length === 0 ? true : undefined;
    },
    { what: 'all transactions to be finished and removed', timeoutMs, everyMs: 5 },
  );
}
