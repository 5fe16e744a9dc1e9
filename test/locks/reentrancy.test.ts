import type { Hold } from '@zk-recipes/core';
import { MultiLock, Mutex, ReadWriteLock, ReentrantAcquireError } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

const reentrant = { reentrant: true };

describeOnSharedServer('a lock that is acquired inside of its own run', () => {
  const on = stage();

  describe('and not reentrant', () => {
    it('rejects at once, by every verb and every object of the path, and goes on', async () => {
      const keeper = await on.keeper();
      const mutex = new Mutex(keeper, `${freshLine()}/lock`);
      const [, namespace] = mutex.path.split('/') as [string, string];
      const twins = [mutex, new Mutex(keeper, mutex.path), new Mutex(keeper.usingNamespace(namespace), '/lock')];
      await mutex.run(async (hold) => {
        for (const twin of twins) {
          await expect(twin.acquire()).rejects.toThrow(ReentrantAcquireError);
          await expect(twin.tryAcquire()).rejects.toThrow(ReentrantAcquireError);
          await expect(twin.run(() => 'inside')).rejects.toMatchObject({
            path: twin.path,
            code: 'ZK_REENTRANT_ACQUIRE',
          });
        }
        expect(hold.state).toBe('held');
        expect(await namesIn(keeper, mutex.path)).toHaveLength(1);
      });
      expect(await mutex.run(() => 'again')).toBe('again');
    });

    it('waits when it is held by somebody else: by another session, or outside of any run', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const mutex = new Mutex(keeper, freshLine());
      await mutex.run(async () => expect(await new Mutex(other, mutex.path).tryAcquire()).toBeNull());
      const hold = await mutex.acquire();
      expect(await mutex.tryAcquire()).toBeNull();
      await hold.release();
    });

    it('is another matter in a function that runs outside: parallel branches wait for each other', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine());
      let inside = 0;
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          mutex.run(async () => {
            expect(++inside).toBe(1);
            await new Promise((resolve) => setImmediate(resolve));
            inside -= 1;
            return index;
          }),
        ),
      );
      expect(results).toHaveLength(10);
    });

    it('can be had by who is left running after the run has ended', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine());
      let leave = (): void => {};
      const left = new Promise<void>((resolve) => {
        leave = resolve;
      });
      let later: Promise<Hold> | undefined;
      await mutex.run(() => {
        later = left.then(() => mutex.acquire());
      });
      leave();
      await (await later)?.release();
      expect(await namesIn(mutex.keeper, mutex.path)).toEqual([]);
    });
  });

  describe('and reentrant', () => {
    it('is entered as often as one likes, without a request, and let go of at the end of the outermost', async () => {
      const keeper = await on.keeper();
      const mutex = new Mutex(keeper, freshLine(), reentrant);
      const twin = new Mutex(keeper, mutex.path, reentrant);
      const tokens = await mutex.run(async (outer) => {
        const inner = await twin.run((hold) =>
          mutex.run((innermost) => [hold, innermost].map((one) => one.fencingToken)),
        );
        expect(outer.state).toBe('held');
        expect(await namesIn(keeper, mutex.path)).toHaveLength(1);
        await using again = await mutex.acquire();
        await using tried = await mutex.tryAcquire();
        return [outer.fencingToken, ...inner, again.fencingToken, tried?.fencingToken];
      });
      expect(new Set(tokens).size).toBe(1);
      expect(await namesIn(keeper, mutex.path)).toEqual([]);
    });

    it('stays held by an inner hold that outlives the run', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const mutex = new Mutex(keeper, freshLine(), reentrant);
      let outer: Hold | undefined;
      const leaked = await mutex.run(async (hold) => {
        outer = hold;
        return await mutex.acquire();
      });
      expect([outer?.state, outer?.validForMs(), leaked.state]).toEqual(['released', 0, 'held']);
      expect(await new Mutex(other, mutex.path).tryAcquire()).toBeNull();
      await Promise.all([leaked.release(), leaked.release()]);
      expect(leaked.state).toBe('released');
      expect(await namesIn(other, mutex.path)).toEqual([]);
    });

    it('does not let an inner release end the outer hold, nor count twice', async () => {
      const [keeper, other] = [await on.keeper(), await on.keeper()];
      const mutex = new Mutex(keeper, freshLine(), reentrant);
      await mutex.run(async (outer) => {
        const inner = await mutex.acquire();
        await Promise.all([inner.release(), inner.release()]);
        await inner.release();
        expect(inner.signal.reason).toMatchObject({ reason: 'released' });
        expect([inner.state, outer.state, outer.signal.aborted]).toEqual(['released', 'held', false]);
        expect(await new Mutex(other, mutex.path).tryAcquire()).toBeNull();
      });
      await untilEmpty(other, mutex.path);
    });

    it('tells all who are inside when it is lost', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const mutex = new Mutex(keeper, freshLine(), reentrant);
      const running = mutex.run(async (outer) => {
        const inner = await mutex.acquire();
        await observer.delete().forPath(outer.path);
        const reasons = await Promise.all([untilAborted(outer.signal), untilAborted(inner.signal)]);
        expect(reasons.map(({ reason }) => reason)).toEqual(['deleted', 'deleted']);
        expect([outer.state, inner.state]).toEqual(['lost', 'lost']);
        // Lost, it is nobody's: it can be acquired anew, at the end of the line.
        await using anew = await mutex.acquire();
        expect(anew.fencingToken).toBeGreaterThan(outer.fencingToken);
        await inner.release();
      });
      await expect(running).rejects.toMatchObject({ reason: 'deleted' });
      expect(await namesIn(observer, mutex.path)).toEqual([]);
    });

    it('is entered by parallel branches of one run together', async () => {
      const mutex = new Mutex(await on.keeper(), freshLine(), reentrant);
      let most = 0;
      await mutex.run(async () => {
        let inside = 0;
        const branch = () =>
          mutex.run(async () => {
            most = Math.max(most, ++inside);
            await new Promise((resolve) => setImmediate(resolve));
            inside -= 1;
          });
        await Promise.all([branch(), branch(), branch()]);
      });
      expect(most).toBe(3);
    });
  });

  it('refuses a writer inside of a reader, and lets a reader into a writer', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const lock = new ReadWriteLock(keeper, freshLine(), reentrant);
    await lock.read.run(async () => {
      await expect(lock.write.acquire()).rejects.toThrow(ReentrantAcquireError);
      await expect(lock.write.tryAcquire()).rejects.toThrow(ReentrantAcquireError);
      expect(await lock.read.run(() => 'read')).toBe('read');
    });
    const leaked = await lock.write.run(async (hold) => {
      expect(await lock.write.run(({ path }) => path)).toBe(hold.path);
      return await lock.read.acquire();
    });
    // It is held as it was taken, for writing, until all have left.
    expect(await new ReadWriteLock(other, lock.path).read.tryAcquire()).toBeNull();
    await leaked.release();
    await using read = await new ReadWriteLock(other, lock.path).read.tryAcquire();
    expect(read?.state).toBe('held');
  });

  it('refuses both sides of a read/write lock that is not reentrant', async () => {
    const lock = new ReadWriteLock(await on.keeper(), freshLine());
    for (const outer of [lock.read, lock.write]) {
      await outer.run(async () => {
        for (const inner of [lock.read, lock.write])
          await expect(inner.acquire()).rejects.toThrow(ReentrantAcquireError);
      });
    }
  });

  it('refuses the locks of a multi-lock inside of it, and it inside of them', async () => {
    const keeper = await on.keeper();
    const [one, two] = [new Mutex(keeper, freshLine(), reentrant), new Mutex(keeper, freshLine())];
    const both = new MultiLock(keeper, [one, two]);
    await both.run(async () => {
      for (const lock of [one, two, both]) await expect(lock.acquire()).rejects.toThrow(ReentrantAcquireError);
    });
    for (const lock of [one, two]) {
      await lock.run(async () => await expect(both.acquire()).rejects.toThrow(ReentrantAcquireError));
    }
    await both.run(({ paths }) => expect(paths).toHaveLength(2));
  });

  it('lets a run inside of another lock be, and knows all that it is inside of', async () => {
    const keeper = await on.keeper();
    const [outer, inner] = [new Mutex(keeper, freshLine()), new Mutex(keeper, freshLine())];
    await outer.run(() =>
      inner.run(async () => {
        await expect(outer.acquire()).rejects.toThrow(ReentrantAcquireError);
        await expect(inner.acquire()).rejects.toThrow(ReentrantAcquireError);
      }),
    );
    await inner.run(() => outer.run(() => 'the other way round'));
  });

  it('waits for somebody else also inside, when the own hold was released by hand', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const mutex = new Mutex(keeper, freshLine(), reentrant);
    const waiting = mutex.run(async (hold) => {
      await hold.release();
      await using foreign = await new Mutex(other, mutex.path).acquire();
      const acquiring = mutex.acquire();
      await untilNames(other, mutex.path, 2);
      expect(await isSettled(acquiring)).toBe(false);
      await foreign.release();
      await (await acquiring).release();
    });
    await waiting;
    expect(await namesIn(other, mutex.path)).toEqual([]);
  });
});
