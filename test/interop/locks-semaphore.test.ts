import { nameOf } from '@zk-recipes/core/recipe-kit';
import { Semaphore, type SemaphoreLease } from '@zk-recipes/locks';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { describe, expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { contend, curatorStage, sessionTimeoutMs } from './curator-stage.js';
import { InsideJournal, permitsInside } from './inside-journal.js';
import type { ForeignContender, LockPeer } from './lock-peer.js';

describe.skipIf(whyNoJavaPeers !== null)('Semaphore with Curator’s InterProcessSemaphoreV2', () => {
  describeOnOwnServers('on the same leases', { timeout: 90_000 }, () => {
    const curator = curatorStage();
    const { on } = curator;

    it('a waiter of theirs has its lease already; ours neither get past it nor count it as room', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const semaphore = new Semaphore(keeper, path, { maxLeases: 2 });
      const first = theirs(path, 2);
      await first.acquire();
      const lease = await semaphore.acquire();
      const second = theirs(path, 2);
      const theirTurn = second.acquire();
      const names = await untilNames(keeper, `${path}/leases`, 3);
      const leases = await semaphore.leases();
      expect(leases.map((one) => nameOf(one.path))).toEqual(names.toSorted(byNumber));
      expect((await first.participants()).toSorted(byNumber)).toEqual(names.toSorted(byNumber));
      for (const name of names) expect(name).toMatch(/^_c_[0-9a-f-]{36}-lease-\d{10}$/);
      expect(leases.map(({ sessionId }) => sessionId)).toEqual([
        curator.java[0].sessionId,
        keeper.zookeeper.sessionId,
        curator.java[0].sessionId,
      ]);
      expect(await semaphore.tryAcquire()).toBeNull();
      expect(await semaphore.tryAcquire({ timeoutMs: 300 })).toBeNull();
      const ourTurn = semaphore.acquire();
      await untilNames(keeper, `${path}/locks`, 2);
      await first.release();
      await theirTurn;
      // Three are wanted, two are there: ours is next.
      await untilNames(keeper, `${path}/leases`, 2);
      expect(await isSettled(ourTurn)).toBe(false);
      await second.release();
      await (await ourTurn).release();
      await lease.release();
      await untilEmpty(keeper, `${path}/leases`);
      await untilEmpty(keeper, `${path}/locks`);
    });

    it('a waiter of ours has none, and theirs do not get past it', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const semaphore = new Semaphore(keeper, path, { maxLeases: 2 });
      const one = theirs(path, 2);
      await one.acquire();
      const both = semaphore.acquire({ permits: 2 });
      await untilNames(keeper, `${path}/locks`, 1);
      expect(await theirs(path, 2).acquire(300)).toBe(false);
      await untilNames(keeper, `${path}/locks`, 1);
      await untilNames(keeper, `${path}/leases`, 1);
      expect(await isSettled(both)).toBe(false);
      await one.release();
      const lease = await both;
      expect(await theirs(path, 2).acquire(300)).toBe(false);
      await lease.release();
      expect(await one.acquire(0)).toBe(true);
      await one.release();
    });

    it('a holder of theirs is killed: ours gets its leases', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const killed = await curator.another();
      await killed.contender({ kind: 'semaphore', path, max: 2, permits: 2 }).acquire();
      const both = new Semaphore(keeper, path, { maxLeases: 2 }).acquire({ permits: 2 });
      await untilNames(keeper, `${path}/locks`, 1);
      await killed.kill();
      expect((await both).permits).toBe(2);
      await (await both).release();
    });

    it('the number of leases is changed by either, and wakes the other', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const countPath = `${path}-count`;
      const semaphore = new Semaphore(keeper, path, { maxLeases: { path: countPath, seed: 1 } });
      const lease = await semaphore.acquire();
      const ourTurn = semaphore.acquire();
      await untilNames(keeper, `${path}/locks`, 1);
      expect(await isSettled(ourTurn)).toBe(false);
      await curator.java[0].setCount(countPath, 2);
      const second = await ourTurn;
      const contender = curator.java[1].contender({ kind: 'semaphore', path, countPath });
      const theirTurn = contender.acquire();
      await untilNames(keeper, `${path}/leases`, 3);
      expect(await isSettled(theirTurn)).toBe(false);
      await semaphore.setMaxLeases(3);
      await theirTurn;
      // Fewer take nothing back, and keep either waiting.
      await semaphore.setMaxLeases(2);
      await contender.release();
      expect(await semaphore.tryAcquire()).toBeNull();
      expect(await contender.acquire(300)).toBe(false);
      await Promise.all([lease.release(), second.release()]);
    });

    it('two of theirs and four of ours contend for a while: never more than three permits are out', async () => {
      const path = freshLine();
      const journal = await InsideJournal.open(await on.keeper(), `${path}-inside`, permitsInside(3));
      const forMs = times(5_000, 60_000);
      const ours = [1, 1, 2, 2].map(async (permits, index) => {
        const keeper = await on.keeper({ sessionTimeoutMs });
        const mark = journal.markOf('semaphore', `node ${index} × ${permits}`, permits);
        const semaphore = new Semaphore(keeper, path, { maxLeases: 3 });
        const lock = { run: (fn: (lease: SemaphoreLease) => Promise<void>) => semaphore.run(fn, { permits }) };
        await contend(lock, { keeper, journal, mark, forMs });
      });
      // Theirs keeps the first of two leases while it waits for the other: were there two of the kind, nobody might ever get both.
      const others = [1, 2].map((permits, index) => {
        const contender = (curator.java[index] as LockPeer).contender({ kind: 'semaphore', path, max: 3, permits });
        return contender.contend(journal.markOf('semaphore', `java ${index} × ${permits}`, permits), forMs);
      });
      await Promise.all([...ours, ...others]);
      console.log(`Semaphore: ${await journal.expectSafe({ everybody: 6 })}`);
      expect(journal.mostInside).toBeGreaterThan(1);
      const observer = await on.keeper();
      await untilEmpty(observer, `${path}/leases`);
      await untilEmpty(observer, `${path}/locks`);
    });

    function theirs(path: string, max: number): ForeignContender {
      return curator.java[0].contender({ kind: 'semaphore', path, max });
    }
  });
});

function byNumber(one: string, other: string): number {
  return one.slice(-10) < other.slice(-10) ? -1 : 1;
}
