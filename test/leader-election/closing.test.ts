import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { contestant, kinds } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';

/** For tests that wait until a session expires. */
const brief = { sessionTimeoutMs: 1_000 };

describeOnOwnServers.each(kinds)('%s is closed', (kind) => {
  const server = ownServer({ tickTimeMs: 250 });
  const on = stage(() => server().connectString);

  describe('row 7:', () => {
    it('before anything is sent', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const one = contestant(kind, keeper, path, 'a');
      const started = one.start().catch(() => {});
      await one.close();
      await started;
      expect(await namesIn(observer, path)).toEqual([]);
      await untilWatchCount(on.server, 0);
    });

    it('between its create and its reply', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const path = freshLine();
      await observer.create().forPath(path);
      const one = contestant(kind, keeper, path, 'a');
      proxy.blackhole({ direction: 'to-client' });
      const started = one.start().catch(() => {});
      await untilNames(observer, path, 1);
      const closed = one.close();
      expect(await isSettled(closed)).toBe(false);
      proxy.heal();
      await Promise.all([closed, started]);
      expect(await namesIn(observer, path)).toEqual([]);
      await untilWatchCount(on.server, 0);
    });

    it('while it waits', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const [a, b] = [contestant(kind, first, path, 'a'), contestant(kind, keeper, path, 'b')];
      await a.start();
      await a.elected();
      await b.start();
      await untilWatchCount(on.server, 3);
      await b.close();
      expect((await a.participants()).map(({ id }) => id)).toEqual(['a']);
      await untilWatchCount(on.server, 1);
      expect(a.isLeader).toBe(true);
    });

    it('at the moment of the grant', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      for (let round = 0; round < 20; round++) {
        const path = freshLine();
        const [a, b] = [contestant(kind, first, path, 'a'), contestant(kind, keeper, path, 'b')];
        const record = new ElectionRecord([a, b]);
        await a.start();
        await a.elected();
        await b.start();
        await untilNames(first, path, 2);
        // From the same tick to some turns of the event loop later.
        const closing = a.close();
        for (let turn = 0; turn < round % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        await Promise.all([closing, b.close()]);
        expect(await namesIn(first, path)).toEqual([]);
        record.expectSafe();
      }
      await untilWatchCount(on.server, 0);
    });

    it('by its own announcement', async () => {
      const keeper = await on.keeper();
      const path = freshLine();
      const one = contestant(kind, keeper, path, 'a');
      const closed = new Promise<unknown>((resolve) => one.onElected(() => void one.close().then(resolve, resolve)));
      await one.start().catch(() => {});
      expect(await closed).toBeUndefined();
      await one.close();
      expect(await namesIn(keeper, path)).toEqual([]);
      await untilWatchCount(on.server, 0);
    });
  });

  it.each([
    'twice',
    'while disconnected',
    'after its session expired',
    'after its keeper was closed',
    'before it began',
  ])('row 12: is closed %s', async (when) => {
    const { keeper, proxy } = await on.proxied(brief);
    const observer = await on.keeper();
    const path = freshLine();
    const one = contestant(kind, keeper, path, 'a');
    if (when !== 'before it began') {
      await one.start();
      const tenure = await one.elected();
      if (when === 'while disconnected') {
        proxy.refuse();
        proxy.cut();
        await untilState(keeper, 'SUSPENDED');
      }
      if (when === 'after its session expired') {
        proxy.refuse();
        proxy.cut();
        await expire(keeper, on.server);
        expect(await untilAborted(tenure.signal)).toMatchObject({ reason: 'validity' });
      }
      if (when === 'after its keeper was closed') await keeper.close();
    }
    const beganMs = performance.now();
    await Promise.all([one.close(), one.close()]);
    await one.close();
    expect(performance.now() - beganMs).toBeLessThan(keeper.sessionTimeoutMs + 1_000);
    expect(one.isLeader).toBe(false);
    await proxy.accept();
    await untilEmpty(observer, path);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });
});
