import { type Hold, MultiError, NotHeldError } from '@zk-recipes/core';
import { ReadWriteLock, ReentrantAcquireError, type WriteHold } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnSharedServer('ReadWriteLock', () => {
  const on = stage();

  async function lockOf(path: string): Promise<ReadWriteLock> {
    return new ReadWriteLock(await on.keeper(), path);
  }

  it('lets readers in together, and a writer alone', async () => {
    const [one, other] = [await lockOf(freshLine()), await on.keeper()];
    const lock = new ReadWriteLock(other, one.path);
    const readers = [await one.read.acquire(), await lock.read.acquire(), await lock.read.acquire()];
    expect(await one.write.tryAcquire()).toBeNull();
    for (const reader of readers) await reader.release();
    const writer = await one.write.acquire();
    expect([await lock.read.tryAcquire(), await lock.write.tryAcquire()]).toEqual([null, null]);
    await writer.release();
    expect(await namesIn(other, one.path)).toEqual([]);
  });

  it('keeps who overlaps whom, for readers and writers in any order', async () => {
    const path = freshLine();
    const locks = [await lockOf(path), await lockOf(path), await lockOf(path)];
    const inside = { readers: 0, writers: 0 };
    let mostReaders = 0;
    const beside: string[] = [];
    const visit = async (kind: keyof typeof inside): Promise<void> => {
      inside[kind] += 1;
      mostReaders = Math.max(mostReaders, inside.readers);
      if (inside.writers > 1 || (inside.writers === 1 && inside.readers > 0)) beside.push(JSON.stringify(inside));
      await new Promise((resolve) => setImmediate(resolve));
      inside[kind] -= 1;
    };
    const user = async (lock: ReadWriteLock, isWriter: boolean): Promise<void> => {
      for (let round = 0; round < times(20, 200); round++) {
        if (isWriter) await lock.write.run(() => visit('writers'));
        else await lock.read.run(() => visit('readers'));
      }
    };
    await Promise.all(locks.flatMap((lock) => [user(lock, false), user(lock, false), user(lock, true)]));
    expect(beside).toEqual([]);
    expect(mostReaders).toBeGreaterThan(1);
    await untilEmpty((locks[0] as ReadWriteLock).read.keeper, path);
    await untilUnwatched(on.server, path);
  });

  it('lets nobody starve: a reader stands behind the writer that came before it', async () => {
    const [lock, later] = [await lockOf(freshLine()), await on.keeper()];
    const reader = await lock.read.acquire();
    const writing = lock.write.acquire();
    await untilWatched(on.server, reader.path);
    const other = new ReadWriteLock(later, lock.path);
    expect(await other.read.tryAcquire()).toBeNull();
    const reading = other.read.acquire();
    await untilNames(later, lock.path, 3);
    await reader.release();
    const writer = await writing;
    expect(await isSettled(reading)).toBe(false);
    await writer.release();
    await (await reading).release();
  });

  it('does not keep a reader waiting for writers that came after it', async () => {
    const locks = [await lockOf(freshLine()), await on.keeper(), await on.keeper()] as const;
    const [lock] = locks;
    const first = await lock.write.acquire();
    const reading = new ReadWriteLock(locks[1], lock.path).read.acquire();
    await untilNames(locks[1], lock.path, 2);
    const second = new ReadWriteLock(locks[2], lock.path).write.acquire();
    await untilNames(locks[1], lock.path, 3);
    await first.release();
    const reader = await reading;
    await untilWatched(on.server, reader.path);
    expect(await isSettled(second)).toBe(false);
    await reader.release();
    await (await second).release();
  });

  it('wakes a writer by the last reader only, in whichever order they leave', async () => {
    const [lock, other] = [await lockOf(freshLine()), await on.keeper()];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const readers = [await lock.read.acquire(), await lock.read.acquire(), await lock.read.acquire()];
      const writing = new ReadWriteLock(other, lock.path).write.acquire();
      await untilNames(other, lock.path, 4);
      for (const index of order) {
        expect(await isSettled(writing)).toBe(false);
        await readers[index]?.release();
      }
      await (await writing).release();
    }
  });

  describe('downgrade', () => {
    it('lets no waiting writer in beside the reader, nor a reader behind that writer', async () => {
      const [lock, second] = [await lockOf(freshLine()), await lockOf(freshLine())];
      const waiting = new ReadWriteLock(second.read.keeper, lock.path);
      const writer = await lock.write.acquire();
      const writing = waiting.write.acquire();
      await untilWatched(on.server, writer.path);
      const reading = waiting.read.acquire();
      await untilNames(second.read.keeper, lock.path, 3);
      const reader = await writer.downgrade();
      // It has looked again, and waits for the reader that the writer has become.
      await untilWatched(on.server, reader.path);
      expect([await isSettled(writing), await isSettled(reading)]).toEqual([false, false]);
      expect(await waiting.write.tryAcquire()).toBeNull();
      await reader.release();
      const next = await writing;
      expect(await isSettled(reading)).toBe(false);
      await next.release();
      await (await reading).release();
    });

    it('lets readers in that wait right behind it', async () => {
      const [lock, other] = [await lockOf(freshLine()), await on.keeper()];
      const writer = await lock.write.acquire();
      const reading = new ReadWriteLock(other, lock.path).read.acquire();
      await untilWatched(on.server, writer.path);
      const reader = await writer.downgrade();
      const beside = await reading;
      expect([reader.state, beside.state]).toEqual(['held', 'held']);
      await Promise.all([reader.release(), beside.release()]);
    });

    it('ends the hold for writing and hands out one for reading, with the same number and token', async () => {
      const keeper = await on.keeper();
      const lock = new ReadWriteLock(keeper, freshLine(), { data: 'me' });
      const writer = await lock.write.acquire({ revocable: true });
      const reader = await writer.downgrade();
      expect([writer.state, writer.signal.reason, writer.validForMs()]).toMatchObject([
        'released',
        { reason: 'released' },
        0,
      ]);
      expect(reader.path.slice(-18)).toBe(`__READ__${writer.path.slice(-10)}`);
      // A writer who waits has a token between this one's znode's and the writer's; it has to be the larger one when its turn comes.
      expect(reader.fencingToken).toBe(writer.fencingToken);
      expect((await keeper.getData().forPath(reader.path))?.toString()).toBe('me');
      await writer.release();
      expect(await lock.contenders()).toMatchObject([{ state: 'holding', path: reader.path, id: 'me' }]);
      await expect(writer.downgrade()).rejects.toThrow(NotHeldError);
      // What was asked for with the lock for writing is heeded for reading.
      const revoking = lock.read.revoke();
      await untilAborted(reader.revoked);
      await reader.release();
      await revoking;
      expect(await namesIn(keeper, lock.path)).toEqual([]);
    });

    it.each([false, true])('inside of run, reentrant %s: the reader is the caller’s to release', async (reentrant) => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const lock = new ReadWriteLock(keeper, freshLine(), { reentrant });
      let reader: Hold | undefined;
      await lock.write.run(async (hold) => {
        reader = await hold.downgrade();
      });
      expect(reader?.state).toBe('held');
      expect(await new ReadWriteLock(other, lock.path).write.tryAcquire()).toBeNull();
      await using beside = await new ReadWriteLock(other, lock.path).read.tryAcquire();
      expect(beside?.state).toBe('held');
      await reader?.release();
    });

    it('is refused where the lock was entered again and is not left yet', async () => {
      const lock = new ReadWriteLock(await on.keeper(), freshLine(), { reentrant: true });
      await lock.write.run(async (outer) => {
        const inner = await lock.write.acquire();
        await expect(inner.downgrade()).rejects.toThrow(ReentrantAcquireError);
        await expect(outer.downgrade()).rejects.toThrow(ReentrantAcquireError);
        await inner.release();
        await (await outer.downgrade()).release();
      });
      expect(await namesIn(lock.read.keeper, lock.path)).toEqual([]);
    });

    it('of a hold that was left rejects, even if the lock is held still', async () => {
      const lock = new ReadWriteLock(await on.keeper(), freshLine(), { reentrant: true });
      await lock.write.run(async (outer) => {
        const inner = await lock.write.acquire();
        await inner.release();
        await expect(inner.downgrade()).rejects.toThrow(NotHeldError);
        expect(outer.state).toBe('held');
      });
    });

    it('of a hold whose znode is gone rejects, and leaves nothing', async () => {
      const [lock, observer] = [await lockOf(freshLine()), await on.keeper()];
      const writer = await lock.write.acquire();
      const lost = untilAborted(writer.signal);
      const deleting = observer.delete().forPath(writer.path);
      const failure: unknown = await deleting.then(() => writer.downgrade()).catch((error: unknown) => error);
      expect(failure instanceof MultiError || failure instanceof NotHeldError).toBe(true);
      expect(await lost).toMatchObject({ reason: 'deleted' });
      expect(await namesIn(observer, lock.path)).toEqual([]);
    });

    it('twice at once makes one reader', async () => {
      const lock = await lockOf(freshLine());
      const writer: WriteHold = await lock.write.acquire();
      const results = await Promise.allSettled([writer.downgrade(), writer.downgrade()]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect(await namesIn(lock.read.keeper, lock.path)).toHaveLength(1);
      await (results[0] as PromiseFulfilledResult<Hold>).value.release();
    });

    it('of many, one after the other, keeps the line in order', async () => {
      const path = freshLine();
      const locks = [await lockOf(path), await lockOf(path), await lockOf(path)];
      const writers = new Set<number>();
      let readers = 0;
      const beside: string[] = [];
      await Promise.all(
        locks.map(async (lock, index) => {
          for (let round = 0; round < times(20, 300); round++) {
            const writer = await lock.write.acquire();
            if (writers.size > 0 || readers > 0) beside.push(`${index} in round ${round}`);
            writers.add(index);
            await new Promise((resolve) => setImmediate(resolve));
            writers.delete(index);
            readers += 1;
            const reader = await writer.downgrade();
            await new Promise((resolve) => setImmediate(resolve));
            readers -= 1;
            await reader.release();
          }
        }),
      );
      expect(beside).toEqual([]);
      await untilUnwatched(on.server, path);
    });
  });
});
