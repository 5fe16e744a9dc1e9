import { HoldLostError } from '@zk-recipes/core';
import { Semaphore, type SemaphoreLease, type SemaphoreOptions } from '@zk-recipes/locks';
import { describeEveryRequest } from '../stage/every-request.js';
import { isWaitedForInSemaphore as heeds, leasesIn, nextComes, release } from './locks-play.js';

const LIMIT = '/every/limit';

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
