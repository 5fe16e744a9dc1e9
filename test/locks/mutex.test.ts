import { getEventListeners } from 'node:events';
import { hostname } from 'node:os';
import {
  ConnectionLossError,
  HoldLostError,
  MultiError,
  NotHeldError,
  retryNTimes,
  type WatchedEvent,
} from '@zk-recipes/core';
import { Mutex, TooManyWaitersError } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { LockRecord } from '../stage/lock-record.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { freshLine, stage } from '../stage/stage.js';

describeOnSharedServer('Mutex', () => {
  const on = stage();

  describe('run', () => {
    it('resolves with what the function returns, and releases', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine());
      expect(await mutex.run(async (hold) => [hold.state, hold.path.startsWith(mutex.path)])).toEqual(['held', true]);
      expect(await mutex.run(() => 'at once')).toBe('at once');
      expect(await namesIn(mutex.keeper, mutex.path)).toEqual([]);
    });

    it('rejects with what the function throws, and releases', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine());
      const error = new Error('of the function');
      await expect(mutex.run(() => Promise.reject(error))).rejects.toBe(error);
      await expect(
        mutex.run(() => {
          throw error;
        }),
      ).rejects.toBe(error);
      expect(await namesIn(mutex.keeper, mutex.path)).toEqual([]);
    });

    it.each(['returns', 'throws', 'throws the reason'])(
      'rejects with a HoldLostError when the hold is lost, also if the function %s',
      async (how) => {
        const mutex = new Mutex(await on.keeper(), freshLine());
        const observer = await on.keeper();
        const error = new Error('of the function');
        const running = mutex.run(async ({ path, signal }) => {
          await observer.delete().forPath(path);
          const reason = await untilAborted(signal);
          if (how === 'throws') throw error;
          if (how === 'throws the reason') throw reason;
        });
        const lost: unknown = await running.catch((reason: unknown) => reason);
        expect(lost).toBeInstanceOf(HoldLostError);
        const { reason, cause } = lost as HoldLostError;
        expect({ reason, cause }).toEqual({ reason: 'deleted', cause: how === 'throws' ? error : undefined });
      },
    );

    it('does not call the function when it gives up before', async () => {
      const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
      await using held = await new Mutex(other, mutex.path).acquire();
      const controller = new AbortController();
      let called = false;
      const running = mutex.run(() => (called = true), { signal: controller.signal });
      await untilWatched(on.server, held.path);
      controller.abort('enough');
      await expect(running).rejects.toBe('enough');
      expect(called).toBe(false);
      expect(await namesIn(other, mutex.path)).toHaveLength(1);
    });

    it('lets go of it when the function has released it by itself', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine());
      expect(await mutex.run((hold) => hold.release().then(() => 'done'))).toBe('done');
      expect(await mutex.tryAcquire()).not.toBeNull();
    });
  });

  it('is had by one at a time, first come, first served', async () => {
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()] as const;
    const path = freshLine();
    // Who finds no parents asks twice.
    await keepers[0].create().forPath(path);
    const record = new LockRecord();
    const order: number[] = [];
    const all = Array.from({ length: 30 }, (_, index) =>
      new Mutex(keepers[index % 3] as (typeof keepers)[0], path).run((hold) => {
        record.note(hold);
        order.push(index);
      }),
    );
    await Promise.all(all);
    record.expectSafe({ atLeast: 30 });
    for (const first of [0, 1, 2]) {
      const ofOneSession = order.filter((index) => index % 3 === first);
      expect(ofOneSession).toEqual(ofOneSession.toSorted((a, b) => a - b));
    }
    expect(await namesIn(keepers[0], path)).toEqual([]);
  });

  describe('tryAcquire', () => {
    it('resolves with null at once when somebody else has it, and leaves nothing', async () => {
      const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
      await using held = await mutex.acquire();
      const second = new Mutex(other, mutex.path);
      expect(await second.tryAcquire()).toBeNull();
      expect(await second.tryAcquire({ timeoutMs: 0 })).toBeNull();
      expect(await namesIn(other, mutex.path)).toHaveLength(1);
      await held.release();
      await using hold = await second.tryAcquire();
      expect(hold?.state).toBe('held');
    });

    it('resolves with null after its time, and leaves nothing', async () => {
      const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
      await using held = await mutex.acquire();
      const beganMs = performance.now();
      expect(await new Mutex(other, mutex.path).tryAcquire({ timeoutMs: 100 })).toBeNull();
      expect(performance.now() - beganMs).toBeGreaterThanOrEqual(99);
      expect(held.state).toBe('held');
      expect(await namesIn(other, mutex.path)).toHaveLength(1);
    });

    it('has it when it becomes free within the time', async () => {
      const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
      const held = await mutex.acquire();
      const trying = new Mutex(other, mutex.path).tryAcquire({ timeoutMs: 10_000 });
      await untilWatched(on.server, held.path);
      await held.release();
      await using hold = await trying;
      expect(hold?.fencingToken).toBeGreaterThan(held.fencingToken);
    });

    it('rejects with the reason of the signal, not with null', async () => {
      const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
      await using held = await mutex.acquire();
      const controller = new AbortController();
      const { signal } = controller;
      const trying = new Mutex(other, mutex.path).tryAcquire({ timeoutMs: 10_000, signal });
      await untilWatched(on.server, held.path);
      controller.abort('enough');
      await expect(trying).rejects.toBe('enough');
      await expect(new Mutex(other, mutex.path).tryAcquire({ signal })).rejects.toBe('enough');
      expect(await namesIn(other, mutex.path)).toHaveLength(1);
    });

    it.each([0, 200])('rejects with a ConnectionLossError when no server answers, in %d ms', async (timeoutMs) => {
      const { keeper, proxy } = await on.proxied({
        retry: retryNTimes({ retries: 1, delayMs: 1 }),
        requestTimeoutMs: 100,
      });
      proxy.refuse();
      proxy.cut();
      await expect(new Mutex(keeper, freshLine()).tryAcquire({ timeoutMs })).rejects.toThrow(ConnectionLossError);
    });
  });

  it('refuses to stand behind so many waiters; the holder is none', async () => {
    const [first, other] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    await using held = await new Mutex(first, path).acquire();
    await expect(new Mutex(other, path).acquire({ maxWaiters: 0 })).rejects.toThrow(TooManyWaitersError);
    const waiters = [1, 2, 3].map(() => new Mutex(first, path).acquire());
    await untilNames(other, path, 4);
    const failing = new Mutex(other, path).acquire({ maxWaiters: 3 });
    await expect(failing).rejects.toMatchObject({ name: 'TooManyWaitersError', waiters: 3, path });
    await untilNames(other, path, 4);
    const behind = new Mutex(other, path).acquire({ maxWaiters: 4 });
    await untilNames(other, path, 5);
    await held.release();
    for (const waiter of [...waiters, behind]) await (await waiter).release();
    await untilEmpty(other, path);
    await untilUnwatched(on.server, path);
  });

  it('holds for others to see who it is', async () => {
    const keeper = await on.keeper({ defaultData: 'by default' });
    const path = freshLine();
    for (const [options, seen] of [
      [{ data: 'me' }, 'me'],
      [{ id: 'me' }, 'me'],
      [{ id: 'me', data: 'my data' }, 'my data'],
      [{}, `${hostname()}:${process.pid}`],
      [{ data: null }, ''],
      [{ data: Buffer.from('bytes') }, 'bytes'],
    ] as const) {
      await using hold = await new Mutex(keeper, path, options).acquire();
      expect((await keeper.getData().forPath(hold.path))?.toString() ?? '').toBe(seen);
    }
  });

  it('can be asked for its signal again and again', async () => {
    const hold = await new Mutex(await on.keeper(), freshLine()).acquire();
    const { signal } = hold;
    for (let look = 0; look < 20; look++) expect(hold.signal.aborted).toBe(false);
    expect(hold.signal).toBe(signal);
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
    await hold.release();
    expect(signal.aborted).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  describe('guard', () => {
    it('lets a transaction through while it is held, and none afterwards', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const mutex = new Mutex(keeper, freshLine());
      const work = freshLine();
      const hold = await mutex.acquire();
      const late = hold.guard().setData(work, 'late');
      await hold.guard().create(work, 'in time').commit();
      await observer.delete().forPath(hold.path);
      const failure: unknown = await late.commit().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MultiError);
      expect(failure).toMatchObject({ failedIndex: 0 });
      await untilAborted(hold.signal);
      expect(() => hold.guard()).toThrow(NotHeldError);
      expect((await observer.getData().forPath(work))?.toString()).toBe('in time');
    });
  });

  it('is one lock by whichever namespace its path is cut', async () => {
    const keeper = await on.keeper();
    const [, name] = freshLine().split('/') as [string, string];
    const whole = new Mutex(keeper, `/${name}/deep/lock`);
    const half = new Mutex((await on.keeper()).usingNamespace(name), '/deep/lock');
    const most = new Mutex(keeper.usingNamespace(`${name}/deep`), '/lock');
    await using held = await whole.acquire();
    expect(await half.tryAcquire()).toBeNull();
    expect(await most.tryAcquire()).toBeNull();
    const waiting = most.acquire();
    await untilNames(keeper, whole.path, 2);
    expect((await half.contenders()).map(({ state }) => state)).toEqual(['holding', 'waiting']);
    await held.release();
    const own = await waiting;
    expect(own.path).toMatch(/^\/lock\/_c_/);
    await own.release();
  });

  it('is left alone by what happens beside its line', async () => {
    const keeper = await on.keeper();
    const mutex = new Mutex(keeper, freshLine());
    const hold = await mutex.acquire();
    const events: WatchedEvent[] = [];
    await keeper
      .getData()
      .watching((event) => events.push(event))
      .forPath(hold.path);
    await keeper.setData().forPath(hold.path, 'somebody wrote');
    expect(await isSettled(untilAborted(hold.signal))).toBe(false);
    expect(hold.revoked.aborted).toBe(false);
    await hold.release();
  });
});
