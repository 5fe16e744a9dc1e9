import { type Keeper, MultiError, type Transaction } from '@zk-recipes/core';
import type { TestServerOptions } from '@zk-recipes/test-server';
import type { CreateMode, MultiResult } from 'zookeeper-ts-client';
import { describeEveryRequest, type Scenario, type World } from '../stage/every-request.js';

/** A transaction, all of whose znodes are removed in the end, and that says what its user gets. */
function committing(
  name: string,
  build: (transaction: Transaction, path: string) => Transaction,
  {
    before,
    ...rest
  }: Omit<Partial<Scenario<unknown>>, 'name' | 'prepare'> & { readonly before?: (world: World) => Promise<void> } = {},
): Scenario<unknown> {
  return {
    name,
    ...rest,
    prepare: async (world) => {
      const { subject, other, path, signal } = world;
      await before?.(world);
      let results: readonly MultiResult[] = [];
      return {
        act: async () => {
          results = await build(subject.transaction(), path).commit({ signal });
          return results.map((result) => described(result, subject));
        },
        settle: async () => {
          const created = results.flatMap((result) => (result.type === 'create' ? [result.path] : []));
          const known = [...created, `${path}/plain`, `${path}/changed`, `${path}/doomed`];
          for (const one of known) await other.delete().quietly().forPath(one);
        },
      };
    },
  };
}

/** All of a result but numbers of transactions and times. */
function described(result: MultiResult, { sessionId }: Keeper): unknown {
  if (!('stat' in result)) return result;
  const { stat, ...rest } = result;
  if (stat === null) return { ...rest, stat };
  const { version, dataLength, ephemeralOwner } = stat;
  const owner = ephemeralOwner === 0n ? 'none' : ephemeralOwner === sessionId ? 'own' : 'other';
  return { ...rest, version, dataLength, owner };
}

async function makeDirectory({ other, path }: World): Promise<void> {
  await other.create().creatingParents().forPath(path, 'theirs');
}

async function makeAll(world: World): Promise<void> {
  const { other, path } = world;
  await makeDirectory(world);
  for (const name of ['changed', 'doomed', 'one', 'two', 'three'])
    await other.create().forPath(`${path}/${name}`, 'theirs');
}

const modes: readonly CreateMode[] = ['EPHEMERAL', 'EPHEMERAL_SEQUENTIAL', 'PERSISTENT', 'PERSISTENT_SEQUENTIAL'];
/** The newest does, and tells of what it creates; the other one does not. */
const servers: readonly TestServerOptions[] = [{}, { compat: '3.8' }];

/** Stats are asked for together, so that all answers are there when the first of them is told. */
const heeds = ({ operation, path }: { readonly operation: string; readonly path: string | undefined }): boolean =>
  operation !== 'exists' || !/\/(two|three)\/./.test(String(path));

for (const server of servers) {
  const where = server.compat === '3.8' ? ' on a server that tells no stat' : '';
  for (const mode of modes) {
    await describeEveryRequest(
      committing(
        `protected create in a transaction, ${mode}${where}`,
        (transaction, path) => transaction.create(`${path}/znode-`, 'mine', { mode, protection: true }),
        { server, before: makeDirectory },
      ),
    );
  }

  await describeEveryRequest(
    committing(
      `protected creates, check, setData and delete in one${where}`,
      (transaction, path) =>
        transaction
          .check(`${path}/changed`, 0)
          .create(`${path}/one/one-`, 'mine', { mode: 'EPHEMERAL_SEQUENTIAL', protection: true })
          .setData(`${path}/changed`, 'mine', { version: 0 })
          .create(`${path}/two/two-`, 'mine', { mode: 'EPHEMERAL_SEQUENTIAL', protection: true })
          .delete(`${path}/doomed`, { version: 0 })
          .create(`${path}/three/three`, 'mine', { mode: 'EPHEMERAL', protection: true }),
      { server, before: makeAll, heeds },
    ),
  );

  await describeEveryRequest(
    committing(
      `protected creates, their parents too${where}`,
      (transaction, path) =>
        transaction
          .creatingParents()
          .create(`${path}/one/one-`, 'mine', { mode: 'EPHEMERAL_SEQUENTIAL', protection: true })
          .create(`${path}/two/two-`, 'mine', { mode: 'PERSISTENT_SEQUENTIAL', protection: true }),
      { server, heeds },
    ),
  );
}

await describeEveryRequest(
  committing(
    'protected create beside a plain one',
    (transaction, path) =>
      transaction
        .create(`${path}/plain`, 'mine')
        .create(`${path}/znode-`, 'mine', { mode: 'PERSISTENT_SEQUENTIAL', protection: true }),
    { before: makeDirectory },
  ),
);

await describeEveryRequest({
  name: 'protected create that is refused',
  prepare: async (world) => {
    const { subject, path, signal } = world;
    await makeAll(world);
    return {
      act: async () => {
        const refused = await subject
          .transaction()
          .create(`${path}/znode-`, 'mine', { mode: 'EPHEMERAL_SEQUENTIAL', protection: true })
          .check(`${path}/changed`, 7)
          .commit({ signal })
          .catch((error: unknown) => error);
        if (refused instanceof MultiError) return refused.failedIndex;
        throw refused;
      },
    };
  },
});

await describeEveryRequest(
  committing('no protected create', (transaction, path) => transaction.setData(`${path}/changed`, 'mine'), {
    before: makeAll,
    unknown: ({ operation }) => operation === 'multi',
  }),
);
