import type { Keeper } from '@zk-recipes/core';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { beforeEach, describe, expect, it } from 'vitest';
import { namesIn } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

const nothing = (): void => {};
const wrongSignal = [{ signal: {} }, TypeError, /signal/] as const;
const wrongTimes = [
  [{ timeoutMs: -1 }, RangeError, /timeoutMs/],
  [{ timeoutMs: 2 ** 31 }, RangeError, /timeoutMs/],
  [{ timeoutMs: '5' }, TypeError, /timeoutMs/],
  [{ timeoutMs: 0.5 }, Error, /timeoutMs/],
] as const;
const unknown = [{ patience: 5 }, TypeError, /patience/] as const;
const queueing = [
  [{ onQueued: 5 }, TypeError, /onQueued/],
  [{ maxWaiters: -1 }, RangeError, /maxWaiters/],
  [{ maxWaiters: 'many' }, TypeError, /maxWaiters/],
] as const;

describeOnSharedServer('wrong arguments of locks', () => {
  const on = stage();
  let keeper: Keeper;
  beforeEach(async () => {
    keeper = await on.keeper();
  });

  it.each([
    [{ data: 5 }, TypeError, /data/],
    [{ reentrant: 'yes' }, TypeError, /reentrant/],
    [{ lossPolicy: 'never' }, TypeError, /lossPolicy/],
    [{ revocable: true }, TypeError, /revocable/],
  ] as const)('are refused by constructors: %j', (options, kind, name) => {
    for (const make of [Mutex, ReadWriteLock]) {
      expect(() => new make(keeper, '/lock', options as never)).toThrow(kind);
      expect(() => new make(keeper, '/lock', options as never)).toThrow(name);
      expect(() => new make(keeper, '/lock', options as never)).toThrow(make.name);
    }
  });

  it('are refused by constructors: keeper and path', () => {
    for (const make of [
      (one: Keeper, path: string) => new Mutex(one, path),
      (one: Keeper, path: string) => new ReadWriteLock(one, path),
      (one: Keeper, path: string) => new Semaphore(one, path, { maxLeases: 1 }),
    ]) {
      expect(() => make(undefined as never, '/lock')).toThrow(/`keeper`/);
      for (const path of ['lock', '/lock/', '', '/a//b', 5])
        expect(() => make(keeper, path as string)).toThrow(/path/i);
    }
  });

  it.each([
    [undefined, TypeError],
    [{}, TypeError],
    [{ maxLeases: 0 }, Error],
    [{ maxLeases: 1.5 }, Error],
    [{ maxLeases: { path: 'limit' } }, Error],
    [{ maxLeases: { path: '/limit', seed: 0 } }, Error],
    [{ maxLeases: 2, permits: 1 }, TypeError],
  ])('are refused by the semaphore: %j', (options, kind) => {
    expect(() => new Semaphore(keeper, '/lock', options as never)).toThrow(kind);
    expect(() => new Semaphore(keeper, '/lock', options as never)).toThrow(/Semaphore/);
  });

  describe('are refused by verbs, which leave nothing:', () => {
    it.each([wrongSignal, unknown, ...queueing, [{ revocable: 1 }, TypeError, /revocable/]] as const)(
      'acquire and run of %j',
      async (options, kind, name) => {
        const path = freshLine();
        const lock = new ReadWriteLock(keeper, path);
        for (const one of [new Mutex(keeper, path), lock.read, lock.write]) {
          for (const acting of [() => one.acquire(options as never), () => one.run(nothing, options as never)]) {
            await expect(acting()).rejects.toThrow(kind);
            await expect(acting()).rejects.toThrow(name);
          }
        }
        expect(await namesIn(keeper, path)).toEqual([]);
      },
    );

    it.each([wrongSignal, unknown, ...wrongTimes, [{ maxWaiters: 1 }, TypeError, /maxWaiters/]] as const)(
      'tryAcquire of %j',
      async (options, kind, name) => {
        const mutex = new Mutex(keeper, freshLine());
        const semaphore = new Semaphore(keeper, mutex.path, { maxLeases: 1 });
        for (const one of [mutex, semaphore, new MultiLock(keeper, [mutex])]) {
          await expect(one.tryAcquire(options as never)).rejects.toThrow(kind);
          await expect(one.tryAcquire(options as never)).rejects.toThrow(name);
        }
        expect(await namesIn(keeper, mutex.path)).toEqual([]);
      },
    );

    it.each([{ permits: 0 }, { permits: 1.5 }, { permits: 'two' }, { permits: 3 }])(
      'permits of %j',
      async (options) => {
        const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 2 });
        await expect(semaphore.acquire(options as never)).rejects.toThrow(/permits/);
        await expect(semaphore.tryAcquire(options as never)).rejects.toThrow(/permits/);
        await expect(semaphore.run(nothing, options as never)).rejects.toThrow(/permits/);
        expect(await namesIn(keeper, semaphore.path)).toEqual([]);
      },
    );

    it('what is to be run is no function', async () => {
      const mutex = new Mutex(keeper, freshLine());
      const others = [new Semaphore(keeper, mutex.path, { maxLeases: 1 }), new MultiLock(keeper, [mutex])];
      for (const one of [mutex, ...others]) await expect(one.run('work' as never)).rejects.toThrow(/`fn`.*'work'/);
      expect(await namesIn(keeper, mutex.path)).toEqual([]);
    });

    it('revoke and setMaxLeases', async () => {
      const mutex = new Mutex(keeper, freshLine());
      await expect(mutex.revoke({ forceAfterMs: -1 })).rejects.toThrow(/forceAfterMs/);
      await expect(mutex.revoke({ force: true } as never)).rejects.toThrow(/force/);
      const semaphore = new Semaphore(keeper, mutex.path, { maxLeases: { path: freshLine() } });
      for (const count of [-1, 2 ** 31, 1.5, '3']) {
        await expect(semaphore.setMaxLeases(count as number)).rejects.toThrow(/maxLeases/);
      }
    });
  });
});
