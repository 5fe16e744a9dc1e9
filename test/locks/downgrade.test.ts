import { type Hold, NotHeldError } from '@zk-recipes/core';
import { ReadWriteLock, ReentrantAcquireError } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty } from '../stage/lines.js';
import { untilWatched } from '../stage/server-counters.js';
import { expire, freshLine, stage } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('a lock for writing that is turned into one for reading', () => {
  const on = stage();

  describe('inside of run', () => {
    it('is held still: nobody can acquire it for writing', async () => {
      for (const reentrant of [false, true]) {
        const lock = new ReadWriteLock(await on.keeper(), freshLine(), { reentrant });
        await lock.write.run(async (hold) => {
          await using reader = await hold.downgrade();
          await expect(lock.write.acquire()).rejects.toThrow(ReentrantAcquireError);
          await expect(lock.write.tryAcquire()).rejects.toThrow(ReentrantAcquireError);
          expect(await namesIn(lock.read.keeper, lock.path)).toHaveLength(1);
          expect(reader.state).toBe('held');
        });
        expect(await namesIn(lock.read.keeper, lock.path)).toEqual([]);
      }
    });

    it('and reentrant is entered for reading, past a writer that waits until all have left', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const lock = new ReadWriteLock(keeper, freshLine(), { reentrant: true });
      let writing: Promise<Hold> | undefined;
      await lock.write.run(async (hold) => {
        const reader = await hold.downgrade();
        writing = new ReadWriteLock(other, lock.path).write.acquire();
        await untilWatched(on.server, reader.path);
        expect(await lock.read.run(({ path }) => path)).toBe(reader.path);
        await using again = await lock.read.acquire();
        await reader.release();
        expect([again.state, await isSettled(writing)]).toEqual(['held', false]);
      });
      const writer = (await writing) as Hold;
      expect(writer.state).toBe('held');
      await writer.release();
      expect(await namesIn(other, lock.path)).toEqual([]);
    });
  });

  describe('while that is under way', () => {
    it('is entered by nobody, neither for writing nor for reading', async () => {
      const lock = new ReadWriteLock(await on.keeper(), freshLine(), { reentrant: true });
      await lock.write.run(async (hold) => {
        let isInside = false;
        const enter = (): void => {
          isInside = true;
        };
        const downgrading = hold.downgrade();
        for (const side of [lock.write, lock.read]) {
          await expect(side.run(enter)).rejects.toThrow(ReentrantAcquireError);
        }
        expect(isInside).toBe(false);
        const reader = await downgrading;
        expect(reader.state).toBe('held');
        expect(await lock.read.run((inner) => inner.path)).toBe(reader.path);
        await reader.release();
      });
      expect(await namesIn(lock.read.keeper, lock.path)).toEqual([]);
    });

    it('is not turned again, nor taken for lost', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const lock = new ReadWriteLock(keeper, freshLine());
      const writer = await lock.write.acquire();
      // Watched, so that it would hear of the end of its znode.
      await untilWatched(on.server, writer.path);
      const downgrading = writer.downgrade();
      await expect(writer.downgrade()).rejects.toThrow(ReentrantAcquireError);
      const reader = await downgrading;
      expect(writer.signal.reason).toMatchObject({ reason: 'released' });
      await untilWatched(on.server, reader.path);
      expect([writer.state, reader.state, reader.signal.aborted]).toEqual(['released', 'held', false]);
      expect(await new ReadWriteLock(other, lock.path).write.tryAcquire()).toBeNull();
      await reader.release();
      expect(await namesIn(other, lock.path)).toEqual([]);
    });

    it('rejects with NotHeldError when its znode was deleted before', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const lock = new ReadWriteLock(keeper, freshLine());
      const writer = await lock.write.acquire();
      await untilWatched(on.server, writer.path);
      const lost = untilAborted(writer.signal);
      // The server refuses before the holder has heard that it holds nothing.
      proxy.blackhole({ direction: 'to-client' });
      await observer.delete().forPath(writer.path);
      const committing = proxy.untilRequest(wire.multi);
      const downgrading = writer.downgrade();
      await committing;
      proxy.heal();
      await expect(downgrading).rejects.toThrow(NotHeldError);
      expect(await lost).toMatchObject({ reason: 'deleted' });
      await untilEmpty(observer, lock.path);
    });

    it('rejects with NotHeldError when its session ends', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const lock = new ReadWriteLock(keeper, freshLine());
      const writer = await lock.write.acquire();
      const lost = proxy.loseReplyOnce({ op: wire.multi }).then(() => proxy.refuse());
      const downgrading = writer.downgrade();
      downgrading.catch(() => {});
      await lost;
      await expire(keeper, on.server);
      await proxy.accept();
      await expect(downgrading).rejects.toThrow(NotHeldError);
      expect(writer.state).toBe('lost');
      await untilEmpty(observer, lock.path);
    });
  });
});
