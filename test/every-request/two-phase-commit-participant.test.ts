import type { Keeper } from '@zk-recipes/core';
import { Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { describeEveryRequest } from '../stage/every-request.js';

const ID = 'transaction';

/** Begins a transaction as a coordinator would. */
async function beginByHand(other: Keeper, path: string): Promise<void> {
  const header = JSON.stringify({ version: 1, participants: ['ledger'], coordinator: 'by-hand' });
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

for (const decision of ['committed', 'aborted'] as const) {
  await describeEveryRequest({
    name: `Participant: from the vote to the end, ${decision}`,
    onExpiry: [],
    atLeastOnce: true,
    goesOn: true,
    heeds: ({ operation }) => operation === 'never',
    prepare: async ({ subject, other, path, signal }) => {
      await beginByHand(other, path);
      const resource = new InMemoryResource<string>();
      const participant = new Participant<string>(subject, path, 'ledger', resource);
      const transaction = `${path}/transactions/${ID}`;
      /** Resolves when a child is there, or nobody waits any more. */
      const untilThere = async (child: string): Promise<void> => {
        while (!signal.aborted && (await other.exists().forPath(`${transaction}/${child}`)) === null) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      return {
        act: async () => {
          const onAbort = (): void => void participant.close();
          signal.addEventListener('abort', onAbort, { once: true });
          try {
            signal.throwIfAborted();
            await participant.start();
            await untilThere('votes/ledger');
            signal.throwIfAborted();
            const data = JSON.stringify({ decision, by: 'hand', votes: [['ledger', 'commit']] });
            await other.setData().withVersion(0).forPath(`${transaction}/decision`, data);
            await untilThere('done/ledger');
            signal.throwIfAborted();
            const last = resource.calls.at(-1)?.handler;
            return { state: resource.stateOf(ID), last };
          } catch (error) {
            throw signal.aborted ? signal.reason : error;
          } finally {
            signal.removeEventListener('abort', onAbort);
          }
        },
        settle: async () => {
          await participant.close();
          await other.delete().deletingChildren().quietly().forPath(`${path}/transactions/${ID}`);
          await other.delete().quietly().forPath(`${path}/participants/ledger/inbox/${ID}`);
        },
      };
    },
  });
}
