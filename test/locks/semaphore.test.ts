import { HoldLostError, type Keeper, MultiError } from '@zk-recipes/core';
import { Semaphore, type SemaphoreLease, TooManyWaitersError } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it, vi } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnSharedServer('Semaphore', () => {
  const on = stage();

  const waiting = async (keeper: Keeper, path: string, count: number): Promise<void> =>
    void (await untilNames(keeper, `${path}/locks`, count));

  /** Neither a lease nor a place, and no watch. */
  async function expectNothingLeft(keeper: Keeper, path: string): Promise<void> {
    for (const directory of ['locks', 'leases']) await untilEmpty(keeper, `${path}/${directory}`);
    await untilUnwatched(on.server, path);
  }

  it('hands out so many leases and no more, by run, acquire and tryAcquire', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const [semaphore, twin] = [
      new Semaphore(keeper, path, { maxLeases: 2 }),
      new Semaphore(other, path, { maxLeases: 2 }),
    ];
    const first = await semaphore.acquire();
    await twin.run(async (lease) => {
      expect([lease.permits, lease.state]).toEqual([1, 'held']);
      expect(lease.fencingToken).toBeGreaterThan(first.fencingToken);
      expect(await semaphore.tryAcquire()).toBeNull();
      expect(await semaphore.tryAcquire({ timeoutMs: 50 })).toBeNull();
    });
    await using second = await semaphore.tryAcquire();
    expect(second?.state).toBe('held');
    await Promise.all([second?.release(), first.release()]);
    await expectNothingLeft(other, path);
  });

  it('hands out several permits all or none', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 3 });
    const two = await semaphore.acquire({ permits: 2 });
    expect(await semaphore.tryAcquire({ permits: 2 })).toBeNull();
    expect(await semaphore.leases()).toHaveLength(2);
    const wishing = semaphore.acquire({ permits: 3 });
    await waiting(observer, semaphore.path, 1);
    expect(await semaphore.leases()).toHaveLength(2);
    await two.release();
    const three = await wishing;
    expect([three.permits, (await semaphore.leases()).length]).toEqual([3, 3]);
    await three.guard().create(freshLine()).commit();
    await three.release();
    await expectNothingLeft(observer, semaphore.path);
  });

  it('is lost as a whole when one of its leases is deleted, and gives the others back', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 3 });
    for (const index of [0, 1, 2]) {
      const running = semaphore.run(
        async (lease) => {
          const late = lease.guard().create(freshLine());
          const paths = (await semaphore.leases()).map(({ path }) => path);
          await observer.delete().forPath(paths[index] as string);
          await expect(late.commit()).rejects.toThrow(MultiError);
          await untilAborted(lease.signal);
        },
        { permits: 3 },
      );
      await expect(running).rejects.toThrow(HoldLostError);
      await untilEmpty(observer, `${semaphore.path}/leases`);
    }
  });

  it('serves who came first: who wants less gets not past who wants more', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const [semaphore, twin] = [
      new Semaphore(keeper, path, { maxLeases: 3 }),
      new Semaphore(other, path, { maxLeases: 3 }),
    ];
    const held = await semaphore.acquire({ permits: 2 });
    const big = twin.acquire({ permits: 3 });
    await waiting(other, semaphore.path, 1);
    const small = semaphore.acquire();
    await waiting(other, semaphore.path, 2);
    expect(await twin.tryAcquire()).toBeNull();
    await held.release();
    const three = await big;
    expect(await isSettled(small)).toBe(false);
    await three.release();
    await (await small).release();
    await expectNothingLeft(other, semaphore.path);
  });

  it('keeps its number, whoever comes and goes', async () => {
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()];
    const path = freshLine();
    let taken = 0;
    let most = 0;
    const user = async (keeper: Keeper, permits: number): Promise<void> => {
      const semaphore = new Semaphore(keeper, path, { maxLeases: 3 });
      for (let round = 0; round < times(15, 200); round++) {
        const use = async (lease: SemaphoreLease): Promise<void> => {
          taken += lease.permits;
          most = Math.max(most, taken);
          await new Promise((resolve) => setImmediate(resolve));
          taken -= lease.permits;
        };
        const controller = new AbortController();
        const running = semaphore.run(use, { permits, signal: controller.signal });
        if (round % 5 === 4) controller.abort('changed its mind');
        await running.catch((error) => expect(error).toBe('changed its mind'));
      }
    };
    await Promise.all(
      keepers.flatMap((keeper) => [user(keeper, 1), user(keeper, 2), user(keeper, 3), user(keeper, 1)]),
    );
    expect([taken, most]).toEqual([0, 3]);
    await expectNothingLeft(keepers[0] as Keeper, path);
  });

  it('lets go of the whole at once, also when others are in line for a part of it', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 4 });
    const all = await semaphore.acquire({ permits: 4 });
    const twin = new Semaphore(other, semaphore.path, { maxLeases: 4 });
    const [one, three] = [twin.acquire(), twin.acquire({ permits: 3 })];
    await waiting(keeper, semaphore.path, 2);
    await all.release();
    for (const lease of await Promise.all([one, three])) await lease.release();
    await expectNothingLeft(keeper, semaphore.path);
  });

  describe('tryAcquire without patience', () => {
    it('does not fail because somebody is on the way through', async () => {
      const keepers = [await on.keeper(), await on.keeper(), await on.keeper(), await on.keeper()];
      const options = { maxLeases: 4 };
      const path = freshLine();
      for (let round = 0; round < times(20, 200); round++) {
        const leases = await Promise.all(keepers.map((keeper) => new Semaphore(keeper, path, options).tryAcquire()));
        expect(leases.map((lease) => lease?.state)).toEqual(['held', 'held', 'held', 'held']);
        expect(await new Semaphore(keepers[0] as Keeper, path, options).tryAcquire()).toBeNull();
        await Promise.all(leases.map((lease) => lease?.release()));
      }
    });

    it('never takes more than there is, and fails when others want it all', async () => {
      const keepers = [await on.keeper(), await on.keeper(), await on.keeper()];
      const path = freshLine();
      for (let round = 0; round < times(20, 200); round++) {
        const tries = keepers.map((keeper) => new Semaphore(keeper, path, { maxLeases: 2 }).tryAcquire({ permits: 2 }));
        const leases = await Promise.all(tries);
        expect(leases.filter((lease) => lease !== null).length).toBeLessThanOrEqual(1);
        await Promise.all(leases.map((lease) => lease?.release()));
      }
    });

    it('waits a second, and no longer, for somebody for whom there is room and who never gets through', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 4 });
      await observer.create().creatingParents().forPath(`${semaphore.path}/locks/lock-0000000000`);
      await observer.create().withMode('EPHEMERAL_SEQUENTIAL').forPath(`${semaphore.path}/locks/other-lock-`);
      const beganMs = performance.now();
      expect(await semaphore.tryAcquire()).toBeNull();
      expect(performance.now() - beganMs).toBeGreaterThan(900);
      expect(performance.now() - beganMs).toBeLessThan(3_000);
      expect(await namesIn(observer, `${semaphore.path}/locks`)).toHaveLength(2);
      await untilUnwatched(on.server, semaphore.path);
    });

    it('with a time limit keeps it, also behind somebody who never gets through', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 4 });
      await observer.create().creatingParents().forPath(`${semaphore.path}/locks/lock-0000000000`);
      await observer.create().withMode('EPHEMERAL_SEQUENTIAL').forPath(`${semaphore.path}/locks/other-lock-`);
      expect(await semaphore.tryAcquire({ timeoutMs: 100 })).toBeNull();
      expect(await namesIn(observer, `${semaphore.path}/locks`)).toHaveLength(2);
    });
  });

  it('refuses to stand behind so many waiters', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 1 });
    const held = await semaphore.acquire({ maxWaiters: 0 });
    const first = semaphore.acquire({ maxWaiters: 1 });
    await waiting(observer, semaphore.path, 1);
    const refused = semaphore.acquire({ maxWaiters: 1 });
    await expect(refused).rejects.toThrow(TooManyWaitersError);
    await expect(refused).rejects.toMatchObject({ path: semaphore.path, waiters: 1 });
    await held.release();
    await (await first).release();
    await expectNothingLeft(observer, semaphore.path);
  });

  it('does not take those for waiters for whom there is room', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 2 });
    const before = await observer
      .create()
      .creatingParents()
      .withMode('EPHEMERAL_SEQUENTIAL')
      .forPath(`${semaphore.path}/locks/lock-`);
    await expect(semaphore.acquire({ permits: 2, maxWaiters: 1 })).rejects.toThrow(TooManyWaitersError);
    const acquiring = semaphore.acquire({ maxWaiters: 0 });
    await untilWatched(on.server, before);
    await observer.delete().forPath(before);
    await (await acquiring).release();
    await expectNothingLeft(observer, semaphore.path);
  });

  it('given up when the leases are taken already gives them back', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 2 });
    const giveUp = new AbortController();
    const { zookeeper } = keeper;
    const multi = zookeeper.multi.bind(zookeeper);
    vi.spyOn(zookeeper, 'multi').mockImplementation(async (...request) => {
      const results = await multi(...request);
      giveUp.abort('enough');
      return results;
    });
    await expect(semaphore.acquire({ permits: 2, signal: giveUp.signal })).rejects.toBe('enough');
    await expectNothingLeft(observer, semaphore.path);
  });
});
