import { Semaphore, type SemaphoreLease, TooManyWaitersError } from '@zk-recipes/locks';
import { expect } from 'vitest';
import { describeEveryRequest } from '../stage/every-request.js';
import { isWaitedForInSemaphore as heeds, leasesIn, nextComes, release } from './locks-play.js';

const LIMIT = '/every/limit';

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
  name: 'Semaphore: waiting behind one who wants all, while there is room for one',
  heeds,
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent, untilWatches } = world;
    const options = { maxLeases: 2 };
    const theirs = new Semaphore(other, path, options);
    const small = await theirs.acquire();
    let large: SemaphoreLease | undefined;
    const waiting = theirs.acquire({ permits: 2 }).then((lease) => {
      large = lease;
    });
    await untilWatches(2);
    let lease: SemaphoreLease | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: `${path}/locks/2-lock-0000000001` });
      await small.release();
      await waiting;
      await untilSent({ operation: 'getChildren2', path: `${path}/leases` }, 3);
      await release(large);
    };
    return {
      act: async () => {
        const theirLeaving = leave();
        lease = await new Semaphore(subject, path, options).acquire({ signal });
        const leases = leasesIn(world);
        await Promise.all([theirLeaving, release(lease)]);
        expect(leases).toBeLessThanOrEqual(2);
        return lease.path;
      },
      settle: async () => {
        await release(small);
        await waiting;
        await Promise.all([release(large), release(lease)]);
        await nextComes(theirs);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Semaphore: the place in the line is deleted by hand, and then there is room',
  heeds,
  onExpiry: [],
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent } = world;
    const options = { maxLeases: 1 };
    const first = await new Semaphore(other, path, options).acquire();
    let lease: SemaphoreLease | undefined;
    const evict = async (): Promise<void> => {
      await untilSent({ operation: 'getChildren2', path: `${path}/leases` }, 2);
      for (const name of await other.getChildren().forPath(`${path}/locks`)) {
        await other.delete().quietly().forPath(`${path}/locks/${name}`);
      }
      await first.release();
    };
    return {
      act: async () => {
        [lease] = await Promise.all([new Semaphore(subject, path, options).acquire({ signal }), evict()]);
        const leases = leasesIn(world);
        await release(lease);
        expect(leases).toBe(1);
        return lease.path;
      },
      settle: async () => {
        await Promise.all([first, lease].map(release));
        await nextComes(new Semaphore(other, path, options));
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
    let raising: Promise<unknown> | undefined;
    return {
      act: async () => {
        const more = untilSent({ operation: 'getData', path: LIMIT }, 2).then(() => {
          // Not while it is being settled, once it is given up.
          if (!signal.aborted) raising = theirs.setMaxLeases(2);
          return raising;
        });
        [lease] = await Promise.all([new Semaphore(subject, path, options).acquire({ signal }), more]);
        const leases = leasesIn(world);
        await release(lease);
        return [lease.path, leases];
      },
      settle: async () => {
        await raising;
        await Promise.all([first, lease].map(release));
        await nextComes(theirs);
        await other.delete().quietly().forPath(LIMIT);
      },
    };
  },
});
