import { DirectoryTooLargeError, type Keeper } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { Mutex, Semaphore } from '@zk-recipes/locks';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { freshLine, stage } from '../stage/stage.js';

describeOnSharedServer('a directory whose list is larger than a reply may be', () => {
  const on = stage();
  /** As many foreign children as do not fit into a frame of 8 KiB. */
  const foreign = Array.from({ length: 300 }, (_, index) => `foreign-child-with-a-long-name-${index}`);

  async function largeDirectory(keeper: Keeper): Promise<string> {
    const path = freshLine();
    await keeper.create().forPath(path);
    await Promise.all(foreign.map((name) => keeper.create().forPath(`${path}/${name}`)));
    return path;
  }

  it('is named by a list, and costs no connection', async () => {
    const [wide, narrow] = [await on.keeper(), await on.proxied({ maxFrameBytes: 8_192 })];
    const path = await largeDirectory(wide);
    const { keeper, proxy } = narrow;
    const bystander = keeper.getData().forPath(path);
    const error = await keeper
      .getChildren()
      .forPath(path)
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DirectoryTooLargeError);
    expect(error).toMatchObject({ code: 'ZK_DIRECTORY_TOO_LARGE', path, count: 300, limit: 8_192 + 88 });
    expect((error as Error).message).toContain('its 300 children');
    await bystander;
    expect([keeper.connectionState, proxy.connectionCount]).toEqual(['CONNECTED', 1]);
  });

  it('is refused by a mutex and a semaphore, which leave nothing in it', async () => {
    const [wide, { keeper }] = [await on.keeper(), await on.proxied({ maxFrameBytes: 8_192 })];
    const path = await largeDirectory(wide);
    await expect(new Mutex(keeper, path).acquire()).rejects.toBeInstanceOf(DirectoryTooLargeError);
    const semaphorePath = freshLine();
    await wide.create().creatingParents().forPath(`${semaphorePath}/leases`);
    await Promise.all(foreign.map((name) => wide.create().forPath(`${semaphorePath}/leases/${name}`)));
    await expect(new Semaphore(keeper, semaphorePath, { maxLeases: 1_000 }).acquire()).rejects.toBeInstanceOf(
      DirectoryTooLargeError,
    );
    await until(async () => ((await wide.getChildren().forPath(path)).length === 300 ? true : undefined), {
      what: 'the place in the line to be gone',
    });
    expect(keeper.connectionState).toBe('CONNECTED');
  });

  it.each(['latch', 'selector'])('is told once by a %s, which tries again after a minute', async (kind) => {
    const [wide, { keeper, proxy }] = [await on.keeper(), await on.proxied({ maxFrameBytes: 8_192 })];
    const path = await largeDirectory(wide);
    const told = new Promise((resolve) => keeper.on('backgroundError', ({ error }) => resolve(error)));
    const states: string[] = [];
    keeper.on('state', (state) => states.push(state));
    const candidate =
      kind === 'latch'
        ? new LeaderLatch(keeper, path)
        : new LeaderSelector(keeper, path, () => {}, { autoRequeue: true });
    await candidate.start();
    expect(await told).toBeInstanceOf(DirectoryTooLargeError);
    const before = [...proxy.requests.values()].reduce((sum, count) => sum + count, 0);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const after = [...proxy.requests.values()].reduce((sum, count) => sum + count, 0);
    // What keeps the session alive, and no more.
    expect(after - before).toBeLessThan(10);
    expect(states).toEqual([]);
    await candidate.close();
    expect(on.errors.filter(({ error }) => error instanceof DirectoryTooLargeError)).toHaveLength(1);
  });
});
