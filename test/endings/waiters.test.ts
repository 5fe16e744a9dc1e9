import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import { ClosedError, type Keeper } from '@zk-recipes/core';
import { LeaderLatch } from '@zk-recipes/leader-election';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { type TcpProxy, until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { namesIn, untilNames } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const WAITERS = 1_000;
/** How long the closing waits for a silent server, and what a busy machine may take beyond that, in milliseconds. */
const LIMIT_MS = 2_000;
const SLACK_MS = 2_000;

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
  'DoubleBarrier, to leave': {
    prepare: async (other, path) => {
      // It enters with the thousand, and stays inside.
      new DoubleBarrier(other, path, { members: WAITERS + 1 }).enter().catch(() => {});
    },
    wait: (keeper, path) => new DoubleBarrier(keeper, path, { members: WAITERS + 1 }).run(() => {}),
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

/** Resolves when all that a keeper has asked for is answered, and it asks for nothing more: all that it waits for is an event. */
async function untilQuiet(keeper: Keeper, proxy: TcpProxy): Promise<void> {
  const quiet = async (): Promise<true | undefined> => {
    const count = (): number =>
      [...proxy.requests].filter(([op]) => op > 0 && op !== OpCode.sync).reduce((sum, [, times]) => sum + times, 0);
    const before = count();
    await keeper.sync().forPath('/');
    return before > 0 && count() === before ? true : undefined;
  };
  await until(quiet, { what: 'the waiters to have asked for all' });
}

describeOnOwnServers(`a Keeper is closed while ${WAITERS} wait`, { timeout: 60_000 }, () => {
  const server = ownServer({ systemProperties: { 'jute.maxbuffer': 4 * 1024 * 1024 } });
  const on = stage(() => server().connectString);

  const cases = Object.entries(crowds).flatMap(([name, crowd]) =>
    [false, true].map(
      (isSilent) => [name, isSilent ? ', and the server is silent' : '', { ...crowd, isSilent }] as const,
    ),
  );

  it.each(cases)('%s%s', async (_name, _silent, { prepare, wait, directory, isSilent }) => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 6_000 });
    const other = await on.keeper();
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
    await untilQuiet(keeper, proxy);
    if (isSilent) proxy.blackhole();
    const beganMs = performance.now();
    const closed = keeper.close();
    const ended = await Promise.all(outcomes);
    const tookMs = performance.now() - beganMs;
    await closed;
    const closedMs = performance.now() - beganMs;
    proxy.heal();
    expect(new Set(ended)).toEqual(new Set(['ClosedError']));
    // Of a silent server the closing waits for its limit, and they end with the session.
    expect(tookMs).toBeLessThan(isSilent ? LIMIT_MS + SLACK_MS : 1_000);
    expect(closedMs).toBeLessThan(LIMIT_MS + SLACK_MS);
    if (directory !== undefined) await untilNames(other, directory(path), ahead);
    if (!isSilent) expect(on.errors).toEqual([]);
  });
});
