import type { Keeper } from '@zk-recipes/core';
import { LeaderSelector, type Tenure } from '@zk-recipes/leader-election';
import { Mutex } from '@zk-recipes/locks';
import { Queue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, untilEmpty } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { everyEnding } from './endings.js';

/** What the shutdown of a whole process takes at most, its own functions apart, in milliseconds. */
const SHUTDOWN_MS = 3_000;

/** Consumers of a queue, one idle and one at work, and both sides of two-phase commit. @returns what ends each of them */
async function workers(keeper: Keeper, root: string): Promise<(() => Promise<unknown>)[]> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const [idle, busy] = [new Queue<string>(keeper, `${root}/idle`), new Queue<string>(keeper, `${root}/busy`)];
  await busy.put('work');
  const consumers: Promise<void>[] = [idle.process(() => {}, { signal })];
  await new Promise<void>((begun) => {
    const handler = async (): Promise<void> => {
      begun();
      await untilAborted(signal);
    };
    consumers.push(busy.process(handler, { signal }));
  });
  const participant = new Participant(keeper, `${root}/commits`, 'stock', {
    prepare: () => 'commit',
    commit: () => {},
    abort: () => {},
  });
  await participant.start();
  const coordinator = new Coordinator(keeper, `${root}/commits`);
  await coordinator.run({ payload: 1, participants: ['stock'], timeoutMs: 10_000 });
  return [
    async () => {
      stopping.abort();
      await Promise.all(consumers);
    },
    () => participant.close(),
    () => coordinator.close(),
  ];
}

describeOnOwnServers('a process that ends in the order of the documents', { timeout: 60_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it.each(['serve', 'refuse connections', 'are silent', 'are paused'])(
    'is done in 3 s when the servers %s',
    async (what) => {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 10_000 });
      const rival = await on.keeper();
      const endings = await everyEnding(keeper, freshLine(), rival);
      const others = await workers(keeper, freshLine());
      on.afterwards(() => server().resume());
      if (what === 'refuse connections') {
        proxy.refuse();
        proxy.cut();
      }
      if (what === 'are silent') proxy.blackhole();
      if (what === 'are paused') await server().pause();
      const beganMs = performance.now();
      await Promise.all([...endings.map((ending) => ending.end()), ...others.map((end) => end())]);
      await keeper.close();
      expect(performance.now() - beganMs).toBeLessThan(SHUTDOWN_MS);
      if (what === 'serve') {
        await rival.close();
        const observer = await on.keeper();
        for (const directory of endings.flatMap((ending) => ending.directories)) await untilEmpty(observer, directory);
        expect(on.errors).toEqual([]);
      }
    },
  );

  describe('keeps what protects a function until the function has ended:', () => {
    it('the place of a selector, whatever limit its close has', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      let begin = (_: Tenure): void => {};
      let finish = (): void => {};
      const begun = new Promise<Tenure>((resolve) => {
        begin = resolve;
      });
      const selector = new LeaderSelector(keeper, path, async (tenure) => {
        begin(tenure);
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      });
      selector.start();
      const tenure = await begun;
      let isNextLeading = false;
      const next = new LeaderSelector(other, path, () => {
        isNextLeading = true;
      });
      next.start();
      await until(async () => ((await next.participants()).length === 2 ? true : undefined), { what: 'the next' });
      const closed = selector.close({ timeoutMs: 0 });
      expect(tenure.signal.aborted).toBe(true);
      // Longer than any limit of the closing.
      await other.sync().forPath('/');
      expect(await isSettled(closed)).toBe(false);
      expect(await other.exists().forPath(tenure.path)).not.toBeNull();
      expect(isNextLeading).toBe(false);
      finish();
      await closed;
      await until(() => isNextLeading || undefined, { what: 'the next to lead' });
      await next.close();
    });

    it('the lock of a run, while the servers are silent', async () => {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 10_000 });
      const other = await on.keeper();
      const path = freshLine();
      let finish = (_: string): void => {};
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const running = new Mutex(keeper, path).run(async () => {
        begin();
        return await new Promise<string>((resolve) => {
          finish = resolve;
        });
      });
      await begun;
      const next = new Mutex(other, path).acquire();
      proxy.blackhole();
      expect(await isSettled(running)).toBe(false);
      expect(await isSettled(next)).toBe(false);
      finish('done');
      expect(await running).toBe('done');
      proxy.heal();
      await (await next).release();
    });
  });
});
