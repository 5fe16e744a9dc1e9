import type { Hold, Keeper } from '@zk-recipes/core';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilEmpty } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival } from '../stage/lock-contestants.js';
import { LockRecord } from '../stage/lock-record.js';
import { serverCounters, untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

describeOnOwnServers('a crowd at a lock', { timeout: 120_000 }, () => {
  const server = ownServer({ tickTimeMs: 3_000, systemProperties: { 'jute.maxbuffer': 4 * 1024 * 1024 } });
  const on = stage(() => server().connectString);

  it.each(lockKinds)('row 13: %s: one wake-up a release, requests in proportion', async (kind) => {
    const size = kind === 'Mutex' ? 1_000 : 200;
    const keepers = await Promise.all(Array.from({ length: 5 }, () => on.keeper({ sessionTimeoutMs: 60_000 })));
    const path = freshLine();
    const record = new LockRecord();
    const held = await lockRival(kind, keepers[0] as Keeper, path).acquire();
    const before = await serverCounters(on.server);
    let granted = 0;
    const visits = Array.from({ length: size }, async (_, index) => {
      const hold: Hold = await lockContestant(kind, keepers[index % 5] as Keeper, path).acquire();
      granted += 1;
      // The record compares each with all before it: of many, those who came last will do.
      if (kind !== 'rw.read') record.note(hold);
      if (record.holds.length > 20) record.holds.shift();
      await hold.release();
    });
    await held.release();
    await Promise.all(visits);
    const after = await serverCounters(on.server);
    expect(granted).toBe(size);
    record.expectSafe({ atLeast: kind === 'rw.read' ? 0 : 1 });
    for (const directory of directoriesOf(kind, path)) await untilEmpty(keepers[0] as Keeper, directory);
    await untilWatchCount(on.server, 0);
    // Each is told of its turn, or that it stands in front now; and of the end of what it holds, if that was watched by then.
    const wakeUps = { Mutex: 2, 'rw.read': 2, 'rw.write': 2, Semaphore: 3, MultiLock: 4 }[kind];
    expect(after.notices - before.notices).toBeLessThanOrEqual(wakeUps * (size + 1));
    const requests = { Mutex: 6, 'rw.read': 6, 'rw.write': 6, Semaphore: 14, MultiLock: 14 }[kind];
    expect(after.packetsReceived - before.packetsReceived).toBeLessThan(requests * (size + 1));
    expect(on.errors).toEqual([]);
  });
});
