import type { Keeper } from '@zk-recipes/core';
import { namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import { Coordinator } from '@zk-recipes/two-phase-commit';
import { vi } from 'vitest';
import { describeEveryRequest, type World } from '../stage/every-request.js';

/** Names that are the same in every run, and are told apart by nothing but their protection. */
const names = vi.hoisted(() => ({ count: 0 }));
vi.mock(import('node:crypto'), async (original) => {
  const next = (): ReturnType<typeof crypto.randomUUID> => {
    names.count += 1;
    const uuid = `_c_00000000-0000-4000-8000-${String(names.count).padStart(12, '0')}-name`;
    return uuid as ReturnType<typeof crypto.randomUUID>;
  };
  return { ...(await original()), randomUUID: next };
});

/** Id of the one transaction, if it has been begun. */
async function theOne(other: Keeper, path: string): Promise<string | undefined> {
  return (await namesIn(other, `${path}/transactions`))[0];
}

/** Votes by hand as soon as the votes are watched, and finishes. */
async function takePart({ other, path, signal, untilWatches }: World, vote: 'commit' | 'abort'): Promise<void> {
  await untilWatches(1);
  const id = await theOne(other, path);
  if (signal.aborted || id === undefined) return;
  const transaction = `${path}/transactions/${id}`;
  const voting = other.transaction().check(`${transaction}/decision`, 0);
  await voting
    .create(`${transaction}/votes/ledger`, JSON.stringify({ vote }))
    .commit()
    .catch(() => {});
}

/** Finishes by hand for the participant, and removes what the coordinator left to recovery. */
async function finish(other: Keeper, path: string): Promise<void> {
  for (let id = await theOne(other, path); id !== undefined; id = await theOne(other, path)) {
    const transaction = `${path}/transactions/${id}`;
    await orNull(other.delete().quietly().forPath(`${path}/participants/ledger/inbox/${id}`));
    await orNull(other.delete().deletingChildren().quietly().forPath(transaction));
  }
}

for (const vote of ['commit', 'abort'] as const) {
  await describeEveryRequest({
    name: `Coordinator: run, and the participant votes ${vote}`,
    onExpiry: [],
    atLeastOnce: true,
    goesOn: true,
    heeds: ({ operation }) => operation === 'never',
    prepare: (world) => {
      names.count = 0;
      const { subject, other, path, signal } = world;
      const coordinator = new Coordinator<string>(subject, path, { recovery: 'manual' });
      return {
        act: async () => {
          const running = coordinator.run({ payload: 'x', participants: ['ledger'], signal, timeoutMs: 60_000 });
          const [{ decision, reason, votes }] = await Promise.all([running, takePart(world, vote)]);
          return { decision, reason, votes };
        },
        settle: async () => {
          await coordinator.close();
          await finish(other, path);
        },
      };
    },
  });
}
