import { untilChildren, untilCreated, untilDeleted } from '@zk-recipes/core/recipe-kit';
import { describeEveryRequest } from '../stage/every-request.js';

await describeEveryRequest({
  name: 'untilDeleted',
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const remove = async (): Promise<void> => await other.delete().quietly().forPath(path);
    await other.create().creatingParents().forPath(path);
    return {
      act: async () => {
        // Nothing once it is given up: what fires is no leak any more.
        const change = async (): Promise<void> => {
          await untilSent({ operation: 'getData' });
          if (!signal.aborted) await other.setData().forPath(path, 'changed');
          await untilSent({ operation: 'getData' }, 2);
          if (!signal.aborted) await remove();
        };
        await Promise.all([untilDeleted(subject, path, { signal }), change()]);
      },
      settle: remove,
    };
  },
});

await describeEveryRequest({
  name: 'untilDeleted of what is not there',
  prepare: ({ subject, path, signal }) => ({ act: () => untilDeleted(subject, path, { signal }) }),
});

await describeEveryRequest({
  name: 'untilCreated',
  prepare: ({ subject, other, path, signal, untilSent }) => ({
    act: async () => {
      const create = async (): Promise<void> => {
        await untilSent({ operation: 'exists' });
        if (!signal.aborted) await other.create().creatingParents().forPath(path);
      };
      await Promise.all([untilCreated(subject, path, { signal }), create()]);
    },
    settle: () => other.delete().quietly().forPath(path),
  }),
});

await describeEveryRequest({
  name: 'untilCreated of what is there',
  prepare: async ({ subject, other, path, signal }) => {
    await other.create().creatingParents().forPath(path);
    return {
      act: () => untilCreated(subject, path, { signal }),
      settle: () => other.delete().quietly().forPath(path),
    };
  },
});

await describeEveryRequest({
  name: 'untilChildren',
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    await other.create().creatingParents().forPath(`${path}/first`);
    return {
      act: async () => {
        const addSecond = async (): Promise<void> => {
          await untilSent({ operation: 'getChildren2' });
          if (!signal.aborted) await other.create().forPath(`${path}/second`);
        };
        const both = untilChildren(subject, path, ({ length }) => length === 2, { signal });
        const [children] = await Promise.all([both, addSecond()]);
        return [...children].sort();
      },
      settle: () => other.delete().deletingChildren().quietly().forPath(path),
    };
  },
});
