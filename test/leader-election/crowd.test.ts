import { LeaderLatch, type Tenure } from '@zk-recipes/leader-election';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { contestant, kinds } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { untilEmpty } from '../stage/lines.js';
import { serverCounters, untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnOwnServers('a crowd of candidates', { timeout: 120_000 }, () => {
  const server = ownServer({ systemProperties: { 'jute.maxbuffer': 4 * 1024 * 1024 } });
  const on = stage(() => server().connectString);

  it('row 13: 1,000 wait on one path: one wake-up a release, requests in proportion', async () => {
    const size = 1_000;
    const keepers = await Promise.all(Array.from({ length: 5 }, () => on.keeper({ sessionTimeoutMs: 10_000 })));
    const path = freshLine();
    const before = await serverCounters(on.server);
    const elected: { readonly latch: LeaderLatch; readonly tenure: Tenure }[] = [];
    let wake = (): void => {};
    const latches = Array.from({ length: size }, (_, index) => {
      const latch = new LeaderLatch(keepers[index % 5] as (typeof keepers)[number], path, { id: `${index}` });
      return latch.on('leader', (tenure) => {
        expect(elected.at(-1)?.tenure.state ?? 'released').toBe('released');
        elected.push({ latch, tenure });
        wake();
      });
    });
    for (let index = 0; index < size; index += 50) {
      await Promise.all(latches.slice(index, index + 50).map((latch) => latch.start()));
    }
    // The leader's znode may be watched twice over one session, by itself and the next in line: that counts once.
    await until(async () => ((await serverCounters(on.server)).watches >= size - 1 ? true : undefined), {
      what: 'all of them to wait',
    });
    const enrolled = await serverCounters(on.server);
    // Create, list, watch; some ask again, since they came while the list was on its way.
    expect(enrolled.packetsReceived - before.packetsReceived).toBeLessThan(4 * size);
    expect(enrolled.notices).toBe(before.notices);
    for (let round = 0; round < size; round++) {
      while (elected.length <= round) await new Promise<void>((resolve) => (wake = resolve));
      await elected[round]?.latch.close();
    }
    const after = await serverCounters(on.server);
    const tokens = elected.map(({ tenure }) => tenure.fencingToken);
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    // Each release tells the next one; and the leader of its own znode, if that was watched by then.
    expect(after.notices - enrolled.notices).toBeLessThanOrEqual(2 * size);
    expect(after.notices - enrolled.notices).toBeGreaterThanOrEqual(size - 1);
    // Delete, list, watch of the own znode.
    expect(after.packetsReceived - enrolled.packetsReceived).toBeLessThan(4 * size);
    expect(after.watches).toBe(0);
    expect(on.errors).toEqual([]);
  });

  it.each(kinds)('S14: %s: 100 starts race with their closing and leave nothing', async (kind) => {
    const keepers = [await on.keeper(), await on.keeper()] as const;
    const path = freshLine();
    const stays = contestant(kind, keepers[1], path, 'stays');
    const record = new ElectionRecord([stays]);
    await stays.start();
    await stays.elected();
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const one = contestant(kind, keepers[index % 2 === 0 ? 0 : 1], path, `${index}`);
        record.follow(one);
        const started = one.start().catch(() => {});
        for (let turn = 0; turn < index % 25; turn++) await new Promise((resolve) => setImmediate(resolve));
        await one.close();
        await started;
      }),
    );
    expect((await stays.participants()).map(({ id }) => id)).toEqual(['stays']);
    await stays.close();
    await untilEmpty(keepers[0], path);
    await untilWatchCount(on.server, 0);
    record.expectSafe();
    expect(on.errors).toEqual([]);
  });

  it.each(kinds)('S14: %s hands over at once when it is closed', async (kind) => {
    const keepers = [await on.keeper(), await on.keeper()] as const;
    const path = freshLine();
    const tookMs: number[] = [];
    let leader = contestant(kind, keepers[0], path, '0');
    const record = new ElectionRecord([leader]);
    await leader.start();
    await leader.elected();
    for (let round = 1; round <= times(30, 300); round++) {
      const next = contestant(kind, keepers[round % 2 === 0 ? 0 : 1], path, `${round}`);
      record.follow(next);
      await next.start();
      await untilWatchCount(on.server, 3);
      const beganMs = performance.now();
      const elected = next.elected().then(() => performance.now());
      void leader.close();
      tookMs.push((await elected) - beganMs);
      leader = next;
    }
    await leader.close();
    const sorted = tookMs.toSorted((a, b) => a - b);
    const share = (at: number) => (sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0).toFixed(1);
    console.log(`${kind}: hand-over by close in ms: p50 ${share(0.5)}, p99 ${share(0.99)} of ${sorted.length}`);
    // The goal is 20 ms; the machine may be busy with others, so only the median is held to it here.
    expect(Number(share(0.5))).toBeLessThan(20);
    record.expectSafe({ atLeast: tookMs.length });
  });
});
