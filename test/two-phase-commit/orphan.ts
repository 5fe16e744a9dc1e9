import type { Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { Coordinator } from '@zk-recipes/two-phase-commit';

/** Begins a transaction whose coordinator is gone before it has decided. @param dying is closed by it @returns the id */
export async function beginOrphan(
  dying: Keeper,
  hand: Keeper,
  path: string,
  participants: readonly string[],
): Promise<string> {
  const [id] = await beginOrphans(dying, hand, path, [participants]);
  return id as string;
}

/** The same for several, each with its participants. */
export async function beginOrphans(
  dying: Keeper,
  hand: Keeper,
  path: string,
  each: readonly (readonly string[])[],
): Promise<string[]> {
  const coordinator = new Coordinator<string>(dying, path, { recovery: 'manual' });
  const before = await namesIn(hand, `${path}/transactions`);
  const running = each.map((participants) =>
    coordinator.run({ payload: 'x', participants, timeoutMs: 60_000 }).catch((error: unknown) => error),
  );
  const ids = await until(
    async () => {
      const fresh = (await namesIn(hand, `${path}/transactions`)).filter((name) => !before.includes(name));
      return fresh.length === each.length ? fresh : undefined;
    },
    { what: 'the transactions' },
  );
  // As a crash would: nothing of it is decided by itself.
  await dying.close();
  await Promise.all(running);
  return ids;
}
