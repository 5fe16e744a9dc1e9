import { HoldLostError } from '@zk-recipes/core';
import { Semaphore, type SemaphoreLease, type SemaphoreOptions, TooManyWaitersError } from '@zk-recipes/locks';
import { describeEveryRequest, type World } from '../stage/every-request.js';
import { isWaitedFor, nextComes } from './locks-play.js';

const LIMIT = '/every/limit';

/** Number of leases on the server. Nobody may ever see more than there are, nor more of one's own than were wanted. */
function leasesIn({ server, path }: World): number {
  return server.dump().filter((znode) => znode.path.startsWith(`${path}/leases/`)).length;
}

async function release(lease: SemaphoreLease | null | undefined): Promise<void> {
  await lease?.release();
}

/** One keeper reads line, leases and count at the same time: what is answered together is answered before one can give up. */
const heeds = ({ operation, path }: { readonly operation: string; readonly path: string | undefined }): boolean =>
  isWaitedFor({ operation }) && !(operation.startsWith('getChildren') && path?.endsWith('/leases'));

const free: readonly { readonly name: string; readonly options: SemaphoreOptions; readonly permits: number }[] = [
  { name: '1 of 1 permit', options: { maxLeases: 1 }, permits: 1 },
  { name: '3 of 3 permits', options: { maxLeases: 3 }, permits: 3 },
  { name: '2 permits of a shared count with a seed', options: { maxLeases: { path: LIMIT, seed: 2 } }, permits: 2 },
];

for (const { name, options, permits } of free) {
  await describeEveryRequest({
    name: `Semaphore: ${name}, free`,
    heeds,
    onExpiry: [],
    prepare: (world) => {
      const { subject, other, path, signal } = world;
      let lease: SemaphoreLease | undefined;
      return {
        act: async () => {
          lease = await new Semaphore(subject, path, options).acquire({ permits, signal });
          const leases = leasesIn(world);
          await Promise.all([lease.release(), lease.release()]);
          await lease[Symbol.asyncDispose]();
          return [lease.path, leases, lease.permits, lease.state];
        },
        settle: async () => {
          await release(lease);
          await nextComes(new Semaphore(other, path, options));
          await other.delete().quietly().forPath(LIMIT);
        },
      };
    },
  });
}

await describeEveryRequest({
  name: 'Semaphore: run with 2 permits',
  heeds,
  onExpiry: [HoldLostError],
  prepare: (world) => {
    const { subject, other, path, signal, untilSent } = world;
    const options = { maxLeases: 3 };
    return {
      act: () =>
        new Semaphore(subject, path, options).run(
          async (lease) => {
            await untilSent({ operation: 'getData', path: lease.path });
            return [lease.path, lease.permits, leasesIn(world)];
          },
          { permits: 2, signal },
        ),
      settle: () => nextComes(new Semaphore(other, path, options)),
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: waiting for room',
  heeds,
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent } = world;
    const options = { maxLeases: 2 };
    const [one, two] = [
      await new Semaphore(other, path, options).acquire(),
      await new Semaphore(other, path, options).acquire(),
    ];
    let lease: SemaphoreLease | undefined;
    const leave = async (): Promise<void> => {
      // Once with the place in the line, and then with a watch, each time that something has changed.
      await untilSent({ operation: 'getChildren2', path: `${path}/leases` }, 2);
      await one.release();
      await untilSent({ operation: 'getChildren2', path: `${path}/leases` }, 3);
      await two.release();
    };
    return {
      act: async () => {
        const theirs = leave();
        lease = await new Semaphore(subject, path, options).acquire({ permits: 2, signal });
        const leases = leasesIn(world);
        await Promise.all([theirs, release(lease)]);
        return [lease.path, leases];
      },
      settle: async () => {
        await Promise.all([one, two, lease].map(release));
        await nextComes(new Semaphore(other, path, options));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: waiting in line, told of the position',
  heeds,
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent, untilWatches } = world;
    const theirs = new Semaphore(other, path, { maxLeases: 1 });
    const first = await theirs.acquire();
    const second = theirs.acquire().then(release);
    // On the lease that is held, and on all leases.
    await untilWatches(2);
    let lease: SemaphoreLease | undefined;
    return {
      act: async () => {
        const positions: number[] = [];
        // A new place in the line is told anew.
        const onQueued = (position: number): void => {
          if (position !== positions.at(-1)) positions.push(position);
        };
        const leave = async (): Promise<void> => {
          await untilSent({ operation: 'addWatch' });
          await untilSent({ operation: 'getData', path: `${path}/locks/lock-0000000001` });
          await Promise.all([first.release(), second]);
        };
        [lease] = await Promise.all([
          new Semaphore(subject, path, { maxLeases: 1 }).acquire({ signal, onQueued }),
          leave(),
        ]);
        const leases = leasesIn(world);
        await release(lease);
        return [positions[0], leases];
      },
      settle: async () => {
        await Promise.all([release(first), second, release(lease)]);
        await nextComes(theirs);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: tryAcquire, no room',
  heeds,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal }) => {
    const first = await new Semaphore(other, path, { maxLeases: 2 }).acquire();
    return {
      act: () => new Semaphore(subject, path, { maxLeases: 2 }).tryAcquire({ permits: 2, signal }),
      settle: async () => {
        await first.release();
        await nextComes(new Semaphore(other, path, { maxLeases: 2 }));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: refused because of those who wait',
  heeds,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilWatches }) => {
    const theirs = new Semaphore(other, path, { maxLeases: 1 });
    const first = await theirs.acquire();
    const second = theirs.acquire().then(release);
    await untilWatches(2);
    return {
      act: async () => {
        const refused = await new Semaphore(subject, path, { maxLeases: 1 })
          .acquire({ signal, maxWaiters: 1 })
          .catch((error: unknown) => error);
        if (refused instanceof TooManyWaitersError) return refused.waiters;
        throw refused;
      },
      settle: async () => {
        await Promise.all([release(first), second]);
        await nextComes(theirs);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: waiting until there are more leases',
  heeds,
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent } = world;
    const options = { maxLeases: { path: LIMIT, seed: 1 } };
    const theirs = new Semaphore(other, path, options);
    const first = await theirs.acquire();
    let lease: SemaphoreLease | undefined;
    return {
      act: async () => {
        const more = untilSent({ operation: 'getData', path: LIMIT }, 2).then(() => theirs.setMaxLeases(2));
        [lease] = await Promise.all([new Semaphore(subject, path, options).acquire({ signal }), more]);
        const leases = leasesIn(world);
        await release(lease);
        return [lease.path, leases];
      },
      settle: async () => {
        await Promise.all([first, lease].map(release));
        await nextComes(theirs);
        await other.delete().quietly().forPath(LIMIT);
      },
    };
  },
});

for (const isThere of [false, true]) {
  await describeEveryRequest({
    name: `Semaphore: setMaxLeases, ${isThere ? 'of a count that is there' : 'of none yet'}`,
    // It takes no signal.
    heeds: () => false,
    atLeastOnce: true,
    onExpiry: [],
    prepare: async ({ subject, other, path, signal }) => {
      const options = { maxLeases: { path: LIMIT } };
      if (isThere) await new Semaphore(other, path, options).setMaxLeases(1);
      return {
        act: async () => {
          signal.throwIfAborted();
          await new Semaphore(subject, path, options).setMaxLeases(7);
          return (await other.getData().forPath(LIMIT))?.readInt32BE();
        },
        settle: () => other.delete().quietly().forPath(LIMIT),
      };
    },
  });
}
