import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { takeStock } from '../stage/leftovers.js';
import { untilEmpty } from '../stage/lines.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const rounds = times(1_500, 10_000);
const warmUp = 500;

describeOnOwnServers('endurance', { timeout: 180_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it(`row 14: a latch leads ${rounds} times, and another is opened and closed as often: nothing piles up`, async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const latch = new LeaderLatch(keeper, path);
    await latch.start();
    const oneRound = async (): Promise<void> => {
      const tenure = await latch.awaitLeadership();
      const brief = new LeaderLatch(keeper, path);
      await brief.start();
      const waiting = brief.awaitLeadership({ signal: tenure.signal }).catch(() => {});
      await Promise.all([brief.close(), tenure.release(), waiting]);
    };
    for (let round = 0; round < warmUp; round++) await oneRound();
    const before = await takeStock(keeper);
    for (let round = 0; round < rounds; round++) await oneRound();
    const after = await takeStock(keeper);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2 * 1024 * 1024);
    expect(after.timers - before.timers).toBeLessThanOrEqual(1);
    expect(after.listeners).toBe(before.listeners);
    await latch.close();
    await untilEmpty(keeper, path);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });

  it(`row 14: a selector leads ${rounds} times: nothing piles up`, async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    let led = 0;
    let reach = (): void => {};
    const untilLed = async (count: number): Promise<void> => {
      while (led < count) await new Promise<void>((resolve) => (reach = resolve));
    };
    const lead = (): void => {
      led += 1;
      reach();
    };
    const selector = new LeaderSelector(keeper, path, lead, { autoRequeue: true });
    selector.start();
    await untilLed(warmUp);
    const before = await takeStock(keeper);
    await untilLed(warmUp + rounds);
    const after = await takeStock(keeper);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2 * 1024 * 1024);
    expect(after.timers - before.timers).toBeLessThanOrEqual(1);
    expect(after.listeners).toBe(before.listeners);
    await selector.close();
    await untilEmpty(keeper, path);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });
});
