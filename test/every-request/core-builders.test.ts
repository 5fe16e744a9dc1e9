import { describeEveryRequest, type Scenario, type World } from '../stage/every-request.js';

type Write = (world: World) => Promise<unknown>;

/** A write on a znode that somebody else has made, with a child below it where wanted. */
function writing(
  name: string,
  write: Write,
  rest: Partial<Scenario<unknown>> & { readonly children?: readonly string[] } = {},
): Scenario<unknown> {
  const { children = [], ...others } = rest;
  return {
    name,
    ...others,
    prepare: async (world) => {
      const { other, path } = world;
      for (const below of ['', ...children]) {
        await other.create().creatingParents().forPath(`${path}/znode${below}`, 'theirs');
      }
      return {
        act: () => write(world),
        settle: () => other.delete().deletingChildren().quietly().forPath(path),
      };
    },
  };
}

/** Names a promise that is kept also when the caller gives up in the middle: nothing is done about what it leaves. */
function keeping(scenario: Scenario<unknown>): Scenario<unknown> {
  return {
    ...scenario,
    prepare: async (world) => {
      let begun = false;
      const { act, settle } = await scenario.prepare(world);
      return {
        act: async () => {
          begun = !world.signal.aborted;
          return await act();
        },
        settle: async () => {
          if (!begun) await settle?.();
        },
      };
    },
  };
}

const heedsAll = (): boolean => true;
const isA =
  (wanted: string) =>
  ({ operation }: { readonly operation: string }): boolean =>
    operation === wanted;

// Deletes

await describeEveryRequest(
  writing('plain delete', ({ subject, path, signal }) => subject.delete().forPath(`${path}/znode`, { signal }), {
    unknown: isA('delete'),
    heeds: heedsAll,
  }),
);

await describeEveryRequest(
  keeping(
    writing(
      'guaranteed delete',
      ({ subject, path, signal }) => subject.delete().guaranteed().forPath(`${path}/znode`, { signal }),
      { heeds: heedsAll },
    ),
  ),
);

await describeEveryRequest(
  writing(
    'delete, quietly',
    ({ subject, path, signal }) => subject.delete().quietly().forPath(`${path}/znode`, { signal }),
    { heeds: heedsAll },
  ),
);

const family = { children: ['/a', '/a/aa', '/b'], heeds: heedsAll };

await describeEveryRequest(
  writing(
    'delete with children, quietly',
    ({ subject, path, signal }) => subject.delete().deletingChildren().quietly().forPath(`${path}/znode`, { signal }),
    family,
  ),
);

await describeEveryRequest(
  keeping(
    writing(
      'guaranteed delete with children',
      ({ subject, path, signal }) =>
        subject.delete().guaranteed().deletingChildren().forPath(`${path}/znode`, { signal }),
      family,
    ),
  ),
);

await describeEveryRequest(
  writing(
    'plain delete with children',
    ({ subject, path, signal }) => subject.delete().deletingChildren().forPath(`${path}/znode`, { signal }),
    // Those below are deleted one by one, and that can be repeated.
    { ...family, unknown: ({ operation, path }) => operation === 'delete' && path === '/every/line/znode' },
  ),
);

// Data

await describeEveryRequest(
  writing(
    'plain set',
    async ({ subject, path, signal }) => (await subject.setData().forPath(`${path}/znode`, 'mine', { signal })).version,
    { unknown: isA('setData') },
  ),
);

await describeEveryRequest(
  writing(
    'idempotent set of version 0',
    async ({ subject, path, signal }) =>
      (await subject.setData().withVersion(0).idempotent().forPath(`${path}/znode`, 'mine', { signal })).version,
  ),
);

await describeEveryRequest(
  writing('reads', async ({ subject, path, signal }) => [
    await subject
      .exists()
      .forPath(path, { signal })
      .then((stat) => stat?.numChildren),
    await subject.getData().forPath(`${path}/znode`, { signal }).then(String),
    await subject.getChildren().forPath(path, { signal }),
    await subject.getAcl().forPath(path, { signal }),
    await subject.sync().forPath(path, { signal }),
  ]),
);

await describeEveryRequest(
  writing('a watch that stays, set and removed', async ({ subject, path, signal }) => {
    const watch = await subject.watch().forPath(path, () => {}, { signal });
    await watch.remove();
  }),
);

// All or nothing

await describeEveryRequest(
  writing(
    'transaction',
    async ({ subject, path, signal }) => {
      const results = await subject
        .transaction()
        .check(`${path}/znode`)
        .create(`${path}/znode/child`, 'mine')
        .setData(`${path}/znode`, 'mine')
        .commit({ signal });
      return results.map(({ type }) => type);
    },
    { unknown: isA('multi') },
  ),
);

await describeEveryRequest({
  name: 'protected transaction',
  prepare: async ({ subject, other, path, signal }) => {
    await other.create().creatingParents().forPath(`${path}/znode`, 'theirs');
    let created: string | undefined;
    return {
      act: async () => {
        const results = await subject
          .transaction()
          .create(`${path}/marker-`, 'mine', { protection: true })
          .delete(`${path}/znode`)
          .commit({ signal });
        created = results.map((result) => (result.type === 'create' ? result.path : ''))[0];
        return results.map(({ type }) => type);
      },
      settle: async () => {
        if (created !== undefined) await other.delete().forPath(created);
        await other.delete().quietly().forPath(`${path}/znode`);
      },
    };
  },
});

await describeEveryRequest({
  name: 'protected transaction that makes parents, of an ephemeral',
  prepare: ({ subject, other, path, signal }) => {
    const mode = { mode: 'EPHEMERAL_SEQUENTIAL', protection: true } as const;
    let created: readonly string[] = [];
    return {
      act: async () => {
        const transaction = subject.transaction().creatingParents();
        const results = await transaction
          .create(`${path}/a/znode-`, 'mine', mode)
          .create(`${path}/b/znode-`, 'mine', mode)
          .commit({ signal });
        created = results.flatMap((result) => (result.type === 'create' ? [result.path] : []));
        return created;
      },
      settle: async () => await Promise.all(created.map((one) => other.delete().quietly().forPath(one))),
    };
  },
});
