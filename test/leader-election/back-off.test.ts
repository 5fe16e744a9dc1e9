import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { freshLine, stage } from '../stage/stage.js';

/** The pauses after the first failures are at least so long, in milliseconds; each may be twice as long. */
const PAUSES_MS = [50, 100, 200, 400];

describeOnSharedServer('a candidate whose user fails', () => {
  const on = stage();

  it.each(['autoRequeue', 'requeue()'])(
    'a LeaderSelector whose function fails at once is elected after pauses that grow: %s',
    async (how) => {
      const electedAtMs: number[] = [];
      let isEnough = (): void => {};
      const enough = new Promise<void>((resolve) => {
        isEnough = resolve;
      });
      const fail = (): never => {
        electedAtMs.push(performance.now());
        if (how === 'requeue()') selector.requeue();
        if (electedAtMs.length > PAUSES_MS.length) isEnough();
        throw new Error('cannot do it');
      };
      const selector = new LeaderSelector(await on.keeper(), freshLine(), fail, { autoRequeue: how === 'autoRequeue' });
      selector.start();
      await enough;
      await selector.close();
      const pausesMs = electedAtMs.slice(1).map((atMs, index) => atMs - (electedAtMs[index] as number));
      // Timers come up to a millisecond early.
      for (const [index, leastMs] of PAUSES_MS.entries()) expect(pausesMs[index]).toBeGreaterThanOrEqual(leastMs - 2);
      expect(electedAtMs.filter((atMs) => atMs - (electedAtMs[0] as number) < 1_000).length).toBeLessThan(7);
      expect(on.errors.map(({ operation, error }) => `${operation}: ${(error as Error).message}`)).toEqual(
        electedAtMs.map(() => 'LeaderSelector: cannot do it'),
      );
    },
  );

  it('a LeaderLatch whose listeners fail leads on, and is not elected again', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    let elections = 0;
    latch.on('leader', () => {
      elections += 1;
      throw new Error('cannot do it');
    });
    latch.on('notLeader', () => {
      throw new Error('nor this');
    });
    await latch.start();
    const { fencingToken } = await latch.awaitLeadership();
    await keeper.sync().forPath('/');
    expect([latch.tenure?.fencingToken, elections]).toEqual([fencingToken, 1]);
    await latch.close();
    const told = on.errors.map(({ operation, error }) => `${operation}: ${(error as Error).message}`);
    expect(told).toEqual(['listener of a LeaderLatch: cannot do it', 'listener of a LeaderLatch: nor this']);
  });
});
