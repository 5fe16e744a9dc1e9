import { getEventListeners } from 'node:events';
import type { Keeper } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival, znodesOf } from '../stage/lock-contestants.js';
import { serverCounters, untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';

/** For tests that wait until a session expires. */
const brief = { sessionTimeoutMs: 1_000 };

describeOnOwnServers.each(lockKinds)('%s is given up', (kind) => {
  const server = ownServer({ tickTimeMs: 250 });
  const on = stage(() => server().connectString);

  async function expectNothingLeft(keeper: Keeper, path: string): Promise<void> {
    for (const directory of directoriesOf(kind, path)) await untilEmpty(keeper, directory);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  }

  describe('row 7:', () => {
    it('before anything is sent', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      await expect(lockContestant(kind, keeper, path).acquire({ signal: AbortSignal.abort('enough') })).rejects.toBe(
        'enough',
      );
      const controller = new AbortController();
      const acquiring = lockContestant(kind, keeper, path).acquire({ signal: controller.signal });
      controller.abort('enough');
      await expect(acquiring).rejects.toBe('enough');
      await expectNothingLeft(observer, path);
    });

    it('between its create and its reply', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const path = freshLine();
      await (await lockContestant(kind, observer, path).acquire()).release();
      const controller = new AbortController();
      proxy.blackhole({ direction: 'to-client' });
      const acquiring = lockContestant(kind, keeper, path).acquire({ signal: controller.signal });
      await untilNames(observer, directoriesOf(kind, path)[0] as string, 1);
      controller.abort('enough');
      await expect(acquiring).rejects.toBe('enough');
      proxy.heal();
      await expectNothingLeft(observer, path);
    });

    it('while it waits', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      const controller = new AbortController();
      const acquiring = lockContestant(kind, keeper, path).acquire({ signal: controller.signal });
      await untilNames(first, directoriesOf(kind, path)[0] as string, kind === 'Semaphore' ? 1 : 2);
      controller.abort('enough');
      await expect(acquiring).rejects.toBe('enough');
      // Given up before it was answered, it is removed after that.
      await until(
        async () => ((await znodesOf(kind, first, path)).length === (kind === 'MultiLock' ? 2 : 1) ? true : undefined),
        { what: 'its znode to be gone' },
      );
      expect(held.state).toBe('held');
      await held.release();
      await expectNothingLeft(first, path);
    });

    it('at the moment of the grant', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      for (let round = 0; round < 30; round++) {
        const held = await lockRival(kind, first, path).acquire();
        const controller = new AbortController();
        const acquiring = lockContestant(kind, keeper, path).acquire({ signal: controller.signal });
        await untilNames(first, directoriesOf(kind, path)[0] as string, kind === 'Semaphore' ? 1 : 2);
        // From the same tick to some turns of the event loop later.
        const released = held.release();
        for (let turn = 0; turn < round % 10; turn++) await new Promise((resolve) => setImmediate(resolve));
        controller.abort('enough');
        const outcome = await acquiring.then((hold) => hold.release()).catch((error: unknown) => error);
        expect(['enough', undefined]).toContain(outcome);
        await released;
      }
      await expectNothingLeft(first, path);
    });

    it('by the end of its time, again and again', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      for (let timeoutMs = 0; timeoutMs < 20; timeoutMs += 2) {
        expect(await lockContestant(kind, keeper, path).tryAcquire({ timeoutMs })).toBeNull();
      }
      await held.release();
      await expectNothingLeft(first, path);
    });

    it('by the end of its time, and leaves nothing on a signal that lives on', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const { signal } = new AbortController();
      for (let round = 0; round < 100; round++) {
        const held = await lockContestant(kind, keeper, path).tryAcquire({ timeoutMs: 5_000, signal });
        await held?.release();
      }
      const held = await lockRival(kind, first, path).acquire();
      for (let round = 0; round < 100; round++) {
        expect(await lockContestant(kind, keeper, path).tryAcquire({ signal })).toBeNull();
      }
      expect(await lockContestant(kind, keeper, path).tryAcquire({ timeoutMs: 10, signal })).toBeNull();
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      await held.release();
      await expectNothingLeft(first, path);
    });

    it('by the end of its time, also when the answers come later', async () => {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      const timeoutMs = 20;
      const outcome = lockContestant(kind, keeper, path).tryAcquire({ timeoutMs });
      // The requests leave, and then the event loop is blocked: timers come before the answers that have arrived meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
      const untilMs = performance.now() + 3 * timeoutMs;
      while (performance.now() < untilMs);
      expect(await outcome).toBeNull();
      await held.release();
      await expectNothingLeft(first, path);
    });

    it.each(['held', 'free'])('by the end of its time, without a connection; on the next one it is %s', async (how) => {
      const { first, keeper, proxy, held, path, outcome, endMs } = await tryBehindRival();
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      if (how === 'free') await held.release();
      await until(() => (performance.now() > endMs + 50 ? true : undefined), { what: 'the end of its time' });
      expect(await isSettled(outcome)).toBe(false);
      await proxy.accept();
      const hold = await outcome;
      expect(hold?.state).toBe(how === 'free' ? 'held' : undefined);
      await hold?.release();
      await held.release();
      await expectNothingLeft(first, path);
    });

    it('by the end of its time, while its connection is a black hole', async () => {
      const { first, proxy, held, path, outcome, endMs } = await tryBehindRival();
      proxy.blackhole();
      expect(await outcome).toBeNull();
      expect(performance.now()).toBeLessThan(endMs + 1_000);
      proxy.heal();
      await held.release();
      await expectNothingLeft(first, path);
    });

    /** A contestant that waits behind a rival, for 800 ms. */
    async function tryBehindRival() {
      const first = await on.keeper();
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      const ofRival = kind === 'MultiLock' ? 2 : 1;
      await untilWatchCount(on.server, ofRival);
      const [timeoutMs, beganMs] = [800, performance.now()];
      const outcome = lockContestant(kind, keeper, path).tryAcquire({ timeoutMs });
      await until(async () => ((await serverCounters(on.server)).watches > ofRival ? true : undefined), {
        what: 'its waiting',
      });
      return { first, keeper, proxy, held, path, outcome, endMs: beganMs + timeoutMs };
    }
  });

  it.each(['twice', 'by dispose', 'while disconnected', 'after its session expired', 'after its keeper was closed'])(
    'row 12: is released %s',
    async (when) => {
      const { keeper, proxy } = await on.proxied(brief);
      const observer = await on.keeper();
      const path = freshLine();
      const hold = await lockContestant(kind, keeper, path).acquire();
      if (when === 'while disconnected') {
        const suspended = untilState(keeper, 'SUSPENDED');
        proxy.refuse();
        proxy.cut();
        await suspended;
      }
      if (when === 'after its session expired') {
        proxy.refuse();
        proxy.cut();
        await expire(keeper, on.server);
        expect(await untilAborted(hold.signal)).toMatchObject({ reason: 'validity' });
      }
      if (when === 'after its keeper was closed') await keeper.close();
      const beganMs = performance.now();
      if (when === 'by dispose') await hold[Symbol.asyncDispose]();
      await Promise.all([hold.release(), hold.release()]);
      await hold.release();
      await hold[Symbol.asyncDispose]();
      expect(performance.now() - beganMs).toBeLessThan(keeper.sessionTimeoutMs + 1_000);
      expect([hold.state, hold.validForMs()]).toEqual([hold.state === 'lost' ? 'lost' : 'released', 0]);
      await proxy.accept();
      await expectNothingLeft(observer, path);
    },
  );

  it('with the policy `connection` is lost with the connection, and given back', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const path = freshLine();
    const hold = await lockContestant(kind, keeper, path, { lossPolicy: 'connection' }).acquire();
    const kept = await lockContestant(kind, keeper, `${path}/kept`).acquire();
    const reconnected = untilState(keeper, 'RECONNECTED');
    proxy.cut();
    expect(await untilAborted(hold.signal)).toMatchObject({ reason: 'suspended' });
    await reconnected;
    expect(kept.state).toBe('held');
    await kept.release();
    await (await lockRival(kind, observer, path).acquire()).release();
  });
});
