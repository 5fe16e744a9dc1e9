import type { Keeper } from '@zk-recipes/core';
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

const ID = 'transaction';
const operatorCall = { operator: 'ada', reason: 'by hand' };

/** Begins a transaction as a coordinator would that is gone. */
async function orphan(other: Keeper, path: string): Promise<void> {
  const header = JSON.stringify({ version: 1, participants: ['ledger'], coordinator: 'gone' });
  const transaction = `${path}/transactions/${ID}`;
  await other
    .transaction()
    .creatingParents()
    .create(transaction, `${header}\n"x"`)
    .create(`${transaction}/decision`, '')
    .create(`${transaction}/votes`, '')
    .create(`${transaction}/done`, '')
    .create(`${path}/participants/ledger/inbox/${ID}`, '')
    .commit();
}

async function describeVerb(
  name: string,
  verb: (coordinator: Coordinator<string>, world: World) => Promise<unknown>,
): Promise<void> {
  await describeEveryRequest({
    name,
    onExpiry: [],
    atLeastOnce: true,
    goesOn: true,
    heeds: ({ operation }) => operation === 'never',
    prepare: async (world) => {
      names.count = 0;
      const { subject, other, path, signal } = world;
      await orphan(other, path);
      const coordinator = new Coordinator<string>(subject, path, { recovery: 'manual', retentionMs: 0 });
      return {
        act: async () => {
          signal.throwIfAborted();
          return await verb(coordinator, world);
        },
        settle: async () => {
          await coordinator.close();
          await other.delete().deletingChildren().quietly().forPath(`${path}/transactions/${ID}`);
          await other.delete().deletingChildren().quietly().forPath(`${path}/audit`);
          await other.delete().quietly().forPath(`${path}/participants/ledger/inbox/${ID}`);
        },
      };
    },
  });
}

await describeVerb('Coordinator: recover', async (coordinator, { other, path, signal }) => {
  await coordinator.recover({ signal });
  return String(await other.getData().forPath(`${path}/transactions/${ID}/decision`)).includes('aborted');
});

await describeVerb('Coordinator: pending', async (coordinator, { signal }) => {
  const [pending] = await coordinator.pending({ signal });
  return { ...pending, ageMs: 0 };
});

await describeVerb('Coordinator: force, then forget', async (coordinator, { other, path }) => {
  const { decision } = await coordinator.force(ID, { decision: 'aborted', ...operatorCall });
  await coordinator.forget(ID, 'ledger', operatorCall);
  return [decision, (await other.getChildren().forPath(`${path}/audit`)).length];
});
