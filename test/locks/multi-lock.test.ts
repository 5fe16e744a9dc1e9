import { type Keeper, MultiError, NotHeldError } from '@zk-recipes/core';
import { MultiLock, Mutex, ReadWriteLock } from '@zk-recipes/locks';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { LockRecord } from '../stage/lock-record.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnOwnServers('MultiLock', () => {
  const server = ownServer({ systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  const mutexes = (keeper: Keeper, paths: readonly string[]): Mutex[] => paths.map((path) => new Mutex(keeper, path));

  it('holds all of its locks, and lets go of all', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const paths = [freshLine(), freshLine(), freshLine()];
    const both = new MultiLock(keeper, mutexes(keeper, paths));
    await both.run(async (hold) => {
      expect(hold.paths.map((path) => path.slice(0, path.lastIndexOf('/')))).toEqual(paths);
      expect(hold.path).toBe(hold.paths[0]);
      for (const mutex of mutexes(other, paths)) {
        expect(await mutex.tryAcquire()).toBeNull();
        expect(await mutex.contenders()).toMatchObject([{ state: 'holding', sessionId: keeper.sessionId }]);
      }
      await hold.guard().create(freshLine()).commit();
    });
    for (const path of paths) expect(await namesIn(other, path)).toEqual([]);
  });

  it('has none of them while one is missing, and stands in all lines', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const paths = [freshLine(), freshLine()] as const;
    const both = new MultiLock(keeper, mutexes(keeper, paths));
    for (const [taken, free] of [paths, [...paths].reverse()] as [string, string][]) {
      const held = await new Mutex(other, taken).acquire();
      expect(await both.tryAcquire()).toBeNull();
      expect(await both.tryAcquire({ timeoutMs: 50 })).toBeNull();
      expect(await namesIn(other, free)).toEqual([]);
      const waiting = both.acquire();
      await untilNames(other, free, 1);
      expect(await isSettled(waiting)).toBe(false);
      expect(await new Mutex(other, free).tryAcquire()).toBeNull();
      await held.release();
      await (await waiting).release();
    }
    for (const path of paths) await untilUnwatched(on.server, path);
  });

  it('never waits in a circle with those who name the locks in another order', { timeout: 60_000 }, async () => {
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()];
    const paths = [freshLine(), freshLine(), freshLine()];
    const record = new LockRecord();
    let inside = 0;
    await Promise.all(
      keepers.map(async (keeper, index) => {
        const own = mutexes(keeper, [...paths.slice(index), ...paths.slice(0, index)]);
        const all = new MultiLock(keeper, index === 1 ? own.reverse() : own);
        for (let round = 0; round < times(150, 1_000); round++) {
          await all.run((hold) => {
            record.note(hold);
            inside += 1;
            expect(inside).toBe(1);
            inside -= 1;
          });
          if (record.holds.length > 20) record.holds.splice(0, 10);
        }
      }),
    );
    record.expectSafe();
    for (const path of paths) await untilEmpty(keepers[0] as Keeper, path);
  });

  it('overlaps with those who take one lock of it, and others another', async () => {
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()] as const;
    const [a, b, c] = [freshLine(), freshLine(), freshLine()];
    const pairs = [[a, b], [b, c], [c, a]] as const; // biome-ignore format: one thing
    const holders = new Map<string, number>();
    const beside: string[] = [];
    await Promise.all(
      pairs.map(async (paths, index) => {
        const keeper = keepers[index] as Keeper;
        const both = new MultiLock(keeper, mutexes(keeper, paths));
        for (let round = 0; round < times(60, 500); round++) {
          await both.run(async () => {
            for (const path of paths) {
              if (holders.has(path)) beside.push(`${holders.get(path)} and ${index}`);
              holders.set(path, index);
            }
            await new Promise((resolve) => setImmediate(resolve));
            for (const path of paths) holders.delete(path);
          });
        }
      }),
    );
    expect(beside).toEqual([]);
  });

  it('takes sides of read/write locks: readers together, writers alone', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const [mutexPath, lockPath] = [freshLine(), freshLine()];
    const lock = new ReadWriteLock(keeper, lockPath);
    const reading = new MultiLock(keeper, [lock.read, new Mutex(keeper, mutexPath)]);
    const writing = new MultiLock(keeper, [new Mutex(keeper, freshLine()), lock.write]);
    const reader = await reading.acquire();
    const beside = new ReadWriteLock(other, lockPath);
    await using another = await beside.read.tryAcquire();
    expect(another?.state).toBe('held');
    expect([await beside.write.tryAcquire(), await writing.tryAcquire()]).toEqual([null, null]);
    await Promise.all([reader.release(), another?.release()]);
    const writer = await writing.acquire();
    expect([await beside.read.tryAcquire(), await reading.tryAcquire()]).toEqual([null, null]);
    await writer.release();
  });

  it('is lost as a whole when one of its znodes is deleted', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const paths = [freshLine(), freshLine(), freshLine()];
    const all = new MultiLock(keeper, mutexes(keeper, paths));
    for (const index of [0, 1, 2]) {
      const hold = await all.acquire();
      const late = hold.guard().create(freshLine());
      await observer.delete().forPath(hold.paths[index] as string);
      const failure: unknown = await late.commit().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MultiError);
      // That of the deleted one, or of those that are given back since.
      expect((failure as MultiError).failedIndex).toBeLessThanOrEqual(index);
      expect(await untilAborted(hold.signal)).toMatchObject({ reason: 'deleted' });
      expect(() => hold.guard()).toThrow(NotHeldError);
      for (const path of paths) await untilEmpty(observer, path);
      await hold.release();
    }
  });

  it('begins anew when one of its places is deleted while it waits for another', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const paths = [freshLine(), freshLine()] as const;
    for (const [taken, free] of [paths, [...paths].reverse()] as [string, string][]) {
      const held = await new Mutex(observer, taken).acquire();
      const waiting = new MultiLock(keeper, mutexes(keeper, paths)).acquire();
      await untilWatched(on.server, held.path);
      const [place] = await untilNames(observer, free, 1);
      await observer.delete().forPath(`${free}/${place}`);
      // Somebody else has that one now: both are not to be had together.
      const taker = await new Mutex(observer, free).acquire();
      await held.release();
      await untilWatched(on.server, taker.path);
      expect(await isSettled(waiting)).toBe(false);
      await taker.release();
      const hold = await waiting;
      expect(hold.state).toBe('held');
      await hold.release();
    }
    for (const path of paths) expect(await namesIn(observer, path)).toEqual([]);
  });

  it('makes the containers of its locks that are missing, or were reaped', async () => {
    const keeper = await on.keeper();
    const base = freshLine();
    const paths = [`${base}/some/where`, `${base}/else/where`];
    const all = new MultiLock(keeper, mutexes(keeper, paths));
    let token = 0n;
    for (let round = 0; round < 3; round++) {
      const hold = await all.acquire();
      expect(hold.fencingToken).toBeGreaterThan(token);
      token = hold.fencingToken;
      await hold.release();
      await until(async () => ((await keeper.exists().forPath(base)) === null ? true : undefined), {
        what: 'the reaper',
      });
    }
  });

  it('names and guards what it holds as its namespace does', async () => {
    const keeper = await on.keeper();
    const inner = keeper.usingNamespace(freshLine().slice(1));
    const hold = await new MultiLock(inner, [new Mutex(inner, '/one'), new Mutex(inner, '/two')]).acquire();
    expect(hold.paths.map((path) => path.replace(/\/_c_.*/, ''))).toEqual(['/one', '/two']);
    await hold.guard().create('/record', 'by the holder').commit();
    expect(String(await inner.getData().forPath('/record'))).toBe('by the holder');
    await hold.release();
  });

  describe('refuses', () => {
    it('a lock twice, in whatever way', async () => {
      const keeper = await on.keeper();
      const path = '/deep/lock';
      const lock = new ReadWriteLock(keeper, path);
      for (const twin of [new Mutex(keeper, path), lock.read, lock.write]) {
        const make = () => new MultiLock(keeper, [new Mutex(keeper, '/other'), new Mutex(keeper, path), twin]);
        expect(make).toThrow(RangeError);
        expect(make).toThrow(/`locks\[1\]` and `locks\[2\]`/);
      }
    });

    it('locks of another namespace', async () => {
      const keeper = await on.keeper();
      const make = () => new MultiLock(keeper, [new Mutex(keeper.usingNamespace('deep'), '/lock')]);
      expect(make).toThrow(RangeError);
      expect(make).toThrow(/`locks\[0\]` to be of the same Keeper, namespace included/);
    });

    it('locks of another connection, what is no lock, and none', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      expect(() => new MultiLock(keeper, [new Mutex(other, '/lock')])).toThrow(RangeError);
      for (const locks of [
        [],
        undefined,
        new Mutex(keeper, '/lock'),
        ['/lock'],
        [new ReadWriteLock(keeper, '/lock')],
      ]) {
        expect(() => new MultiLock(keeper, locks as never)).toThrow(/`locks/);
      }
      expect(() => new MultiLock({} as never, [new Mutex(keeper, '/lock')])).toThrow(TypeError);
    });
  });
});
