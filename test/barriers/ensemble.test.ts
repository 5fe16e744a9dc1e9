import { setTimeout as delay } from 'node:timers/promises';
import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import type { Keeper } from '@zk-recipes/core';
import { startEnsemble, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const sessionTimeoutMs = 2_000;

describeOnOwnServers('barriers on an ensemble', { timeout: 120_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({ tickTimeMs: 250 });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  /** Each keeper on one server only, one server after the other: what they see differs. */
  async function spread(count: number): Promise<Keeper[]> {
    const all = ensemble.members.map(({ connectString }) => connectString);
    return await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const own = all[index % all.length] as string;
        return on.keeper({ connectString: own, sessionTimeoutMs });
      }),
    );
  }

  it('members on different servers, which see each other late, enter and leave together', async () => {
    const path = freshLine();
    const barriers = (await spread(6)).map((keeper) => new DoubleBarrier(keeper, path, { members: 6 }));
    const rounds = times(50, 500);
    const entered = barriers.map(() => 0);
    const left = barriers.map(() => 0);
    await Promise.all(
      barriers.map(async (barrier, index) => {
        for (let round = 1; round <= rounds; round++) {
          await barrier.enter();
          entered[index] = round;
          expect(Math.min(...left)).toBe(round - 1);
          await barrier.leave();
          left[index] = round;
          expect(Math.min(...entered)).toBe(round);
        }
      }),
    );
    await untilEmpty(await on.keeper(), path);
    expect(on.errors).toEqual([]);
  });

  it('the leader dies, again and again, while some wait to enter, are inside, and wait to leave', async () => {
    const keepers = await Promise.all([1, 2, 3].map(() => on.keeper({ sessionTimeoutMs: 6_000 })));
    const path = freshLine();
    const barriers = keepers.map((keeper) => new DoubleBarrier(keeper, path, { members: 3 }));
    const [first, second, last] = barriers as [DoubleBarrier, DoubleBarrier, DoubleBarrier];
    const killLeader = async (): Promise<() => Promise<unknown>> => {
      const leader = await ensemble.untilServing();
      await leader.kill();
      return () => leader.restart();
    };
    for (let round = 0; round < times(2, 10); round++) {
      const entering = [first.enter(), second.enter()];
      await delay(50);
      const restartFirst = await killLeader();
      expect(await isSettled(Promise.race(entering))).toBe(false);
      await Promise.all([...entering, last.enter()]);
      await restartFirst();
      const leaving = [first.leave(), second.leave()];
      await delay(50);
      const restartSecond = await killLeader();
      expect(await isSettled(Promise.race(leaving))).toBe(false);
      await Promise.all([...leaving, last.leave()]);
      await restartSecond();
      const observer = await on.keeper();
      await observer.sync().forPath('/');
      expect((await namesIn(observer, path)).filter((name) => name !== 'ready')).toEqual([]);
    }
  });

  it('a member of the ensemble dies while a barrier is waited for', async () => {
    const [waiter, other] = (await Promise.all([1, 2].map(() => on.keeper({ sessionTimeoutMs: 6_000 })))) as [
      Keeper,
      Keeper,
    ];
    const barrier = new Barrier(other, freshLine());
    await barrier.set();
    await waiter.sync().forPath('/');
    const waiting = new Barrier(waiter, barrier.path).wait();
    await delay(50);
    const dead = ensemble.members.find(({ connectString }) => connectString === waiter.zookeeper.server);
    expect(dead).toBeDefined();
    await dead?.kill();
    await barrier.remove();
    await barrier.set();
    await waiting;
    await dead?.restart();
  });
});
