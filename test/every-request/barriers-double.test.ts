import { DoubleBarrier } from '@zk-recipes/barriers';
import { type Keeper, NodeExistsError } from '@zk-recipes/core';
import { vi } from 'vitest';
import { describeEveryRequest, type World } from '../stage/every-request.js';

/** Names are uuids that are told apart by their count alone, and stand between those of the others. */
const names = vi.hoisted(() => ({ count: 0 }));
vi.mock(import('node:crypto'), async (original) => {
  const next = (): ReturnType<typeof crypto.randomUUID> => {
    names.count += 1;
    const uuid = `80000000-0000-4000-8000-${String(names.count).padStart(12, '0')}`;
    return uuid as ReturnType<typeof crypto.randomUUID>;
  };
  return { ...(await original()), randomUUID: next };
});

/** Uuids without hyphens, as those of kazoo. */
const LOWEST = '0'.repeat(32);
const HIGHEST = 'f'.repeat(32);

/** Another member, made by hand so that its name is known. */
async function enterByHand(other: Keeper, path: string, name: string): Promise<void> {
  await other.create().creatingParents().withMode('EPHEMERAL').forPath(`${path}/${name}`, 'other');
}

async function openByHand(other: Keeper, path: string): Promise<void> {
  try {
    await other.create().forPath(`${path}/ready`);
  } catch (error) {
    if (!(error instanceof NodeExistsError)) throw error;
  }
}

/** Takes away what others have made, and what somebody who gave up may have left to them. */
async function clear(other: Keeper, path: string): Promise<void> {
  for (const name of [LOWEST, HIGHEST, 'ready']) await other.delete().quietly().forPath(`${path}/${name}`);
}

/** Has another member leave as soon as the subject waits for it. */
async function leaveWhenAwaited({ other, path, signal, untilSent }: World, name: string): Promise<void> {
  await untilSent({ operation: 'getData', path: `${path}/${name}` });
  // Nothing once it is given up: what fires is no leak any more.
  if (!signal.aborted) await other.delete().quietly().forPath(`${path}/${name}`);
}

await describeEveryRequest({
  name: 'DoubleBarrier: enter and leave alone',
  onExpiry: [],
  mayBeGivenUp: true,
  prepare: ({ subject, other, path, signal }) => {
    const barrier = new DoubleBarrier(subject, path, { members: 1 });
    return {
      act: async () => await barrier.run(() => 'inside', { signal }),
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'DoubleBarrier: enter as the last, leave as the last',
  onExpiry: [],
  mayBeGivenUp: true,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await enterByHand(other, path, HIGHEST);
    const barrier = new DoubleBarrier(subject, path, { members: 2, id: 'subject' });
    return {
      act: async () => {
        await barrier.enter({ signal });
        await Promise.all([barrier.leave({ signal }), leaveWhenAwaited(world, HIGHEST)]);
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'DoubleBarrier: enter as the first, leave as the first',
  onExpiry: [],
  mayBeGivenUp: true,
  prepare: (world) => {
    const { subject, other, path, signal, untilWatches } = world;
    const barrier = new DoubleBarrier(subject, path, { members: 2, id: 'subject' });
    return {
      act: async () => {
        const joinWhenAwaited = async (): Promise<void> => {
          await untilWatches(1);
          if (signal.aborted) return;
          await enterByHand(other, path, LOWEST);
          await openByHand(other, path);
        };
        await Promise.all([barrier.enter({ signal }), joinWhenAwaited()]);
        await Promise.all([barrier.leave({ signal }), leaveWhenAwaited(world, LOWEST)]);
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'DoubleBarrier: enter late, leave',
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await enterByHand(other, path, LOWEST);
    await enterByHand(other, path, HIGHEST);
    await openByHand(other, path);
    const barrier = new DoubleBarrier(subject, path, { members: 2, id: 'subject' });
    return {
      act: async () => {
        await barrier.enter({ signal });
        const others = [leaveWhenAwaited(world, LOWEST), leaveWhenAwaited(world, HIGHEST)];
        await Promise.all([barrier.leave({ signal }), ...others]);
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'DoubleBarrier: enter where everybody has crashed inside',
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await other.create().creatingParents().forPath(`${path}/ready`);
    await enterByHand(other, path, HIGHEST);
    const barrier = new DoubleBarrier(subject, path, { members: 2, id: 'subject' });
    return {
      act: async () => {
        await barrier.enter({ signal });
        await Promise.all([barrier.leave({ signal }), leaveWhenAwaited(world, HIGHEST)]);
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'DoubleBarrier: given up',
  onExpiry: [],
  prepare: ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const barrier = new DoubleBarrier(subject, path, { members: 2, id: 'subject' });
    const controller = new AbortController();
    return {
      act: async () => {
        const giveUp = async (): Promise<void> => {
          await untilWatches(1);
          // And the client knows of it.
          await untilSent({ operation: 'exists' });
          controller.abort('own');
        };
        const entering = barrier.enter({ signal: AbortSignal.any([signal, controller.signal]) });
        const outcome = await Promise.all([entering, giveUp()]).catch((error: unknown) => error);
        signal.throwIfAborted();
        return outcome;
      },
      settle: () => clear(other, path),
    };
  },
});
