import type { CreateBuilder } from '@zk-recipes/core';
import type { CreateMode } from 'zookeeper-ts-client';
import { describeEveryRequest, type Scenario, type World } from '../stage/every-request.js';

const modes: readonly CreateMode[] = [
  'PERSISTENT',
  'PERSISTENT_SEQUENTIAL',
  'EPHEMERAL',
  'EPHEMERAL_SEQUENTIAL',
  'CONTAINER',
  'PERSISTENT_WITH_TTL',
  'PERSISTENT_SEQUENTIAL_WITH_TTL',
];

for (const mode of modes) {
  await describeEveryRequest({
    name: `protected create, ${mode}`,
    mayBeGivenUp: true,
    prepare: async ({ subject, other, path, signal }) => {
      await other.create().creatingParents().forPath(path);
      let created: string | undefined;
      const plain = subject.create().withProtection().withMode(mode);
      const builder = mode.includes('TTL') ? plain.withTtl(3_600_000) : plain;
      return {
        act: async () => {
          created = await builder.forPath(`${path}/znode-`, 'mine', { signal });
          return created;
        },
        settle: async () => {
          if (created !== undefined) await other.delete().quietly().forPath(created);
        },
      };
    },
  });
}

/** A create whose znode is removed in the end, by whom ever it was made: not all of them can be taken back. */
function creating(
  name: string,
  build: (world: World) => CreateBuilder<string>,
  rest: Partial<Scenario<string>> & { readonly before?: (world: World) => Promise<unknown> } = {},
): Scenario<string> {
  const { before, ...others } = rest;
  return {
    name,
    ...others,
    prepare: async (world) => {
      await before?.(world);
      return {
        act: () => build(world).forPath(`${world.path}/znode`, 'mine', { signal: world.signal }),
        settle: () => world.other.delete().deletingChildren().quietly().forPath(world.path),
      };
    },
  };
}

const isCreate = ({ operation }: { readonly operation: string }): boolean => operation === 'create2';
const make = ({ other, path }: World, name = ''): Promise<string> =>
  other.create().creatingParents().forPath(`${path}${name}`, 'theirs');

await describeEveryRequest(
  creating('plain create', ({ subject }) => subject.create(), { unknown: isCreate, before: make }),
);

await describeEveryRequest(
  creating('create with parents', ({ subject }) => subject.create().creatingParents(), { unknown: isCreate }),
);

await describeEveryRequest(
  creating('idempotent create with parents', ({ subject }) => subject.create().creatingParents().idempotent()),
);

await describeEveryRequest(
  creating('idempotent create of an ephemeral', ({ subject }) => subject.create().withMode('EPHEMERAL').idempotent(), {
    before: make,
  }),
);

await describeEveryRequest(
  creating('create or set data, where nothing is', ({ subject }) => subject.create().creatingParents().orSetData(), {
    atLeastOnce: true,
  }),
);

await describeEveryRequest(
  creating('create or set data, where something is', ({ subject }) => subject.create().orSetData(), {
    atLeastOnce: true,
    before: (world) => make(world, '/znode'),
  }),
);

await describeEveryRequest(
  creating('create or set data of version 0', ({ subject }) => subject.create().orSetData(0), {
    before: (world) => make(world, '/znode'),
    unknown: ({ operation }) => operation === 'setData',
  }),
);

await describeEveryRequest({
  name: 'create in a namespace whose root is missing',
  prepare: ({ subject, other, path, signal }) => {
    const inside = subject.usingNamespace(path.slice(1));
    return {
      act: () => inside.create().idempotent().forPath('/znode', 'mine', { signal }),
      settle: () => other.delete().deletingChildren().quietly().forPath(path),
    };
  },
});
