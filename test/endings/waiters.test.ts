import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import { ClosedError, type Keeper } from '@zk-recipes/core';
import { LeaderLatch } from '@zk-recipes/leader-election';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { namesIn, untilNames } from '../stage/lines.js';
import { serverCounters } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const WAITERS = 1_000;

/** A thousand that wait for one thing. */
interface Crowd {
  /** Makes them wait in vain. */
  prepare(other: Keeper, path: string): Promise<unknown>;
  /** One that waits. */
  wait(keeper: Keeper, path: string): Promise<unknown>;
  /** Where each of them has a znode; by default it has none. */
  readonly directory?: (path: string) => string;
}

const crowds: Readonly<Record<string, Crowd>> = {
  Mutex: {
    prepare: (other, path) => new Mutex(other, path).acquire(),
    wait: (keeper, path) => new Mutex(keeper, path).acquire(),
    directory: (path) => path,
  },
  'Mutex, by tryAcquire': {
    prepare: (other, path) => new Mutex(other, path).acquire(),
    wait: (keeper, path) => new Mutex(keeper, path).tryAcquire({ timeoutMs: 60_000 }),
    directory: (path) => path,
  },
  'ReadWriteLock, as readers': {
    prepare: (other, path) => new ReadWriteLock(other, path).write.acquire(),
    wait: (keeper, path) => new ReadWriteLock(keeper, path).read.acquire(),
    directory: (path) => path,
  },
  'ReadWriteLock, as writers': {
    prepare: (other, path) => new ReadWriteLock(other, path).write.acquire(),
    wait: (keeper, path) => new ReadWriteLock(keeper, path).write.acquire(),
    directory: (path) => path,
  },
  Semaphore: {
    prepare: (other, path) => new Semaphore(other, path, { maxLeases: 1 }).acquire(),
    wait: (keeper, path) => new Semaphore(keeper, path, { maxLeases: 1 }).acquire(),
    directory: (path) => `${path}/locks`,
  },
  MultiLock: {
    prepare: (other, path) => new Mutex(other, `${path}/one`).acquire(),
    wait: (keeper, path) => {
      const locks = ['one', 'two'].map((name) => new Mutex(keeper, `${path}/${name}`));
      return new MultiLock(keeper, locks).acquire();
    },
    directory: (path) => `${path}/one`,
  },
  Barrier: {
    prepare: (other, path) => new Barrier(other, path).set(),
    wait: (keeper, path) => new Barrier(keeper, path).wait(),
  },
  'DoubleBarrier, to enter': {
    prepare: async () => {},
    wait: (keeper, path) => new DoubleBarrier(keeper, path, { members: WAITERS + 1 }).enter(),
    directory: (path) => path,
  },
  LeaderLatch: {
    prepare: async (other, path) => {
      const latch = new LeaderLatch(other, path);
      await latch.start();
      await latch.awaitLeadership();
    },
    wait: async (keeper, path) => {
      const latch = new LeaderLatch(keeper, path);
      await latch.start();
      await latch.awaitLeadership();
    },
    directory: (path) => path,
  },
};

describeOnOwnServers(`a Keeper is closed while ${WAITERS} wait`, { timeout: 60_000 }, () => {
  const server = ownServer({ systemProperties: { 'jute.maxbuffer': 4 * 1024 * 1024 } });
  const on = stage(() => server().connectString);

  it.each(Object.entries(crowds))('%s', async (_, { prepare, wait, directory }) => {
    const [keeper, other] = [await on.keeper({ sessionTimeoutMs: 20_000 }), await on.keeper()];
    const path = freshLine();
    await prepare(other, path);
    const ahead = directory === undefined ? 0 : (await namesIn(other, directory(path))).length;
    const outcomes = Array.from({ length: WAITERS }, () =>
      wait(keeper, path).then(
        () => 'resolved',
        (error: unknown) => (error instanceof ClosedError ? 'ClosedError' : `${error}`),
      ),
    );
    if (directory !== undefined) await untilNames(other, directory(path), ahead + WAITERS, 30_000);
    // What they have sent is answered before this is, so all of them wait by then.
    await keeper.sync().forPath('/');
    const watched = async (): Promise<true | undefined> =>
      (await serverCounters(on.server)).watches > 0 ? true : undefined;
    await until(watched, { what: 'watches' });

    const beganMs = performance.now();
    const closed = keeper.close();
    const ended = await Promise.all(outcomes);
    const tookMs = performance.now() - beganMs;
    await closed;
    const closedMs = performance.now() - beganMs;
    expect(new Set(ended)).toEqual(new Set(['ClosedError']));
    expect(tookMs).toBeLessThan(1_000);
    expect(closedMs).toBeLessThan(3_000);
    if (directory !== undefined) await untilNames(other, directory(path), ahead);
    expect(on.errors).toEqual([]);
  });
});
