import { type Keeper, retryNTimes } from '@zk-recipes/core';
import { MultiLock, Mutex } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine, stage, untilState } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('MultiLock', () => {
  const on = stage();

  describe('that could not be sent in a session that expired, and is done in the next, unheard', () => {
    /** Somebody who acquires, whose first attempt has failed, and whose next one is answered to nobody. */
    async function scene(signal?: AbortSignal) {
      // The next attempt is made when the next session has long been there.
      const retry = retryNTimes({ retries: 5, delayMs: 1_000 });
      const { keeper, proxy } = await on.proxied({ requestTimeoutMs: 200, retry });
      const observer = await on.keeper();
      const paths = [freshLine(), freshLine()] as const;
      for (const path of paths) await observer.create().forPath(path);
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      const both = new MultiLock(
        keeper,
        paths.map((path) => new Mutex(keeper, path)),
      );
      const acquiring = both.acquire({ signal });
      acquiring.catch(() => {});
      // Requests that wait for a connection are given up in their order.
      await expect(keeper.zookeeper.exists('/')).rejects.toMatchObject({ outcome: 'not-sent' });
      const lost = proxy.loseReplyOnce({ op: wire.multi });
      await expire(keeper, on.server);
      const renewed = untilState(keeper, 'RECONNECTED');
      await proxy.accept();
      await renewed;
      await lost;
      expect(keeper.sessionEpoch).toBe(2);
      return { observer, paths, acquiring };
    }

    it('is held, and stands in each line once', async () => {
      const { observer, paths, acquiring } = await scene();
      const hold = await acquiring;
      expect(hold.state).toBe('held');
      for (const [index, path] of paths.entries()) {
        expect((await namesIn(observer, path)).map((name) => `${path}/${name}`)).toEqual([hold.paths[index]]);
      }
      await hold.release();
      for (const path of paths) expect(await namesIn(observer, path)).toEqual([]);
    });

    it('leaves no ghost when it is given up', async () => {
      const giveUp = new AbortController();
      const { observer, paths, acquiring } = await scene(giveUp.signal);
      for (const path of paths) await untilNames(observer, path, 1);
      giveUp.abort('enough');
      await expect(acquiring).rejects.toBe('enough');
      for (const path of paths) await untilEmpty(observer, path);
      expect(on.errors).toEqual([]);
    });
  });

  it('of many locks makes all of their directories', async () => {
    const keeper: Keeper = await on.keeper();
    const paths = Array.from({ length: 12 }, (_, index) => `${freshLine()}/deep/${index}`);
    const all = new MultiLock(
      keeper,
      paths.map((path) => new Mutex(keeper, path)),
    );
    const hold = await all.acquire();
    expect(hold.paths.map((path) => path.slice(0, path.lastIndexOf('/')))).toEqual(paths);
    await hold.release();
  });
});
