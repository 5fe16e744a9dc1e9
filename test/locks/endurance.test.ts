import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { takeStock } from '../stage/leftovers.js';
import { untilEmpty } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival } from '../stage/lock-contestants.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const rounds = times(300, 10_000);
const warmUp = 200;

describeOnOwnServers('endurance', { timeout: 180_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it.each(lockKinds)(
    `row 14: %s: ${rounds} times acquired, waited for, given up and released: nothing piles up`,
    async (kind) => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const [own, rival] = [lockContestant(kind, keeper, path), lockRival(kind, other, path)];
      // Outlives all rounds: what is left on it would pile up.
      const { signal } = new AbortController();
      const oneRound = async (): Promise<void> => {
        const held = await rival.acquire({ signal });
        const waiting = own.acquire({ signal });
        const impatient = new AbortController();
        const givenUp = own.acquire({ signal: impatient.signal }).catch(() => null);
        expect(await own.tryAcquire({ signal })).toBeNull();
        impatient.abort();
        await Promise.all([held.release(), givenUp]);
        const hold = await waiting;
        await hold.release();
      };
      for (let round = 0; round < warmUp; round++) await oneRound();
      const before = [await takeStock(keeper), await takeStock(other)];
      for (let round = 0; round < rounds; round++) await oneRound();
      const after = [await takeStock(keeper), await takeStock(other)];
      for (const [index, { heapBytes, timers, listeners }] of after.entries()) {
        const then = before[index] as (typeof before)[number];
        expect(heapBytes - then.heapBytes).toBeLessThan(2 * 1024 * 1024);
        expect(timers - then.timers).toBeLessThanOrEqual(1);
        expect(listeners).toBe(then.listeners);
      }
      for (const directory of directoriesOf(kind, path)) await untilEmpty(keeper, directory);
      await untilWatchCount(on.server, 0);
      expect(on.errors).toEqual([]);
    },
  );
});
