import { retryNTimes } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector, type Tenure } from '@zk-recipes/leader-election';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from 'zookeeper-ts-client';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

const HOUR_MS = 3_600_000;

/** Lets somebody put the machine's clock forward: for all that one can know, it was suspended. */
function stepWallClock(): void {
  const { wallNow } = systemClock;
  vi.spyOn(systemClock, 'wallNow').mockImplementation(() => wallNow() + HOUR_MS);
}

describeOnSharedServer('the moment of an election', () => {
  const on = stage();
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('does not elect a latch that is being closed just then', async () => {
    const keeper = await on.keeper();
    const first = new LeaderLatch(keeper, freshLine());
    const second = new LeaderLatch(keeper, freshLine());
    let secondLed = 0;
    let closed: Promise<void> | undefined;
    second.on('leader', () => secondLed++);
    first.on('leader', () => {
      closed = second.close();
    });
    await Promise.allSettled([first.start(), second.start()]);
    await first.awaitLeadership();
    await closed;
    expect({ isLeader: second.isLeader, secondLed }).toEqual({ isLeader: false, secondLed: 0 });
    await untilEmpty(keeper, second.path);
    await first.close();
  });

  it('does not run the function of a selector that is being closed just then', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    let ran = 0;
    const selector = new LeaderSelector(keeper, freshLine(), () => void ran++);
    let closed: Promise<void> | undefined;
    latch.on('leader', () => {
      closed = selector.close();
    });
    selector.start();
    await latch.start();
    await latch.awaitLeadership();
    await closed;
    const ranByThen = ran;
    await untilEmpty(keeper, selector.path);
    expect(ran).toBe(ranByThen);
    await latch.close();
  });

  it('finds a selector whose clock had run out, and lets it lead when the clock runs again', async () => {
    const keeper = await on.keeper({ sessionTimeoutMs: 2_000 });
    const path = freshLine();
    await keeper.create().creatingParents().forPath(path);
    const before = await keeper.create().withMode('EPHEMERAL_SEQUENTIAL').forPath(`${path}/lock-`);
    const led = new Promise<Tenure>((resolve) => {
      const selector = new LeaderSelector(keeper, path, (tenure) => resolve(tenure));
      selector.start();
      on.afterwards(() => selector.close());
    });
    await untilNames(keeper, path, 2);
    stepWallClock();
    expect(keeper.validForMs()).toBe(0);
    await keeper.delete().forPath(before);
    expect((await led).fencingToken).toBeGreaterThan(0n);
  });

  it('does not flood the server while the clock of the only candidate stands still', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 2_000 });
    const latch = new LeaderLatch(keeper, freshLine());
    await latch.start();
    await latch.awaitLeadership();
    const creates = proxy.requestCount(wire.create);
    stepWallClock();
    await until(() => (latch.isLeader ? undefined : true), { what: 'it to step down' });
    await latch.awaitLeadership();
    expect(proxy.requestCount(wire.create) - creates).toBeLessThan(20);
    await latch.close();
  });

  it('tells of a leadership before it tells of its end, whoever ends it', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    const heard: string[] = [];
    latch.on('leader', (tenure) => {
      if (heard.length === 0) void tenure.release();
    });
    latch.on('leader', () => heard.push('leader'));
    latch.on('notLeader', () => heard.push('notLeader'));
    await latch.start();
    await until(() => (heard.length >= 3 ? true : undefined), { what: 'it to lead again' });
    await latch.close();
    expect(heard.slice(0, 3)).toEqual(['leader', 'notLeader', 'leader']);
  });

  it('reports what async listeners reject with', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    latch.on('leader', (async () => await Promise.reject(new Error('mine'))) as () => void);
    await latch.start();
    await until(() => (on.errors.length > 0 ? true : undefined), { what: 'the report' });
    expect(on.errors[0]).toMatchObject({ error: new Error('mine'), operation: 'listener of a LeaderLatch' });
    await latch.close();
  });

  it('goes on watching the own znode when the first look at it failed', async () => {
    const { keeper, proxy } = await on.proxied({ retry: retryNTimes({ retries: 0, delayMs: 0 }) });
    const latch = new LeaderLatch(keeper, freshLine());
    const lost = proxy.loseReplyOnce({ op: wire.getData });
    await latch.start();
    const tenure = await latch.awaitLeadership();
    await lost;
    const other = await on.keeper();
    await other.delete().forPath(`${latch.path}/${(await namesIn(other, latch.path))[0]}`);
    await until(() => (tenure.state === 'lost' ? true : undefined), { what: 'the loss to be seen' });
    expect(tenure.signal.reason).toMatchObject({ reason: 'deleted' });
    await latch.close();
  });
});
