import { AcquireTimeoutError, Mutex, Semaphore } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { untilEmpty, untilNames } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival } from '../stage/lock-contestants.js';
import { freshLine, stage } from '../stage/stage.js';

describeOnSharedServer('run with a limit for the waiting', () => {
  const on = stage();

  describe.each(lockKinds)('%s', (kind) => {
    async function behindRival() {
      const [first, keeper] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      const fn = vi.fn(() => 'done');
      const expectNothingLeft = async (): Promise<void> => {
        await held.release();
        for (const directory of directoriesOf(kind, path)) await untilEmpty(first, directory);
      };
      return { first, path, held, fn, lock: lockContestant(kind, keeper, path), expectNothingLeft };
    }

    it.each([0, 50])(
      'rejects when others have it for longer than %i ms, and has not called the function',
      async (timeoutMs) => {
        const { fn, lock, expectNothingLeft } = await behindRival();
        const error: unknown = await lock.run(fn, { timeoutMs }).catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(AcquireTimeoutError);
        expect(error).toMatchObject({ code: 'ZK_ACQUIRE_TIMEOUT', timeoutMs });
        expect(fn).not.toHaveBeenCalled();
        await expectNothingLeft();
      },
    );

    it.each([{ ifAvailable: true }, { ifAvailable: true, timeoutMs: 50 }] as const)(
      'resolves with undefined when others have it: %o',
      async (options) => {
        const { fn, lock, expectNothingLeft } = await behindRival();
        expect(await lock.run(fn, options)).toBeUndefined();
        expect(fn).not.toHaveBeenCalled();
        await expectNothingLeft();
      },
    );

    it.each([{ ifAvailable: true }, { timeoutMs: 0 }])('runs the function when it is free: %o', async (options) => {
      const { fn, lock, held } = await behindRival();
      await held.release();
      expect(await lock.run(fn, options)).toBe('done');
      expect(fn).toHaveBeenCalledOnce();
    });

    it('runs the function when others leave in time', async () => {
      const { first, path, fn, lock, held, expectNothingLeft } = await behindRival();
      const ran = lock.run(fn, { timeoutMs: 60_000, ifAvailable: true });
      const [line] = directoriesOf(kind, path) as [string];
      await untilNames(first, line, kind === 'Semaphore' ? 1 : 2);
      await held.release();
      expect(await ran).toBe('done');
      await expectNothingLeft();
    });

    it('rejects with the reason of the signal while it waits', async () => {
      const { fn, lock, expectNothingLeft } = await behindRival();
      const giveUp = new AbortController();
      const ran = lock.run(fn, { timeoutMs: 60_000, ifAvailable: true, signal: giveUp.signal });
      giveUp.abort('enough');
      await expect(ran).rejects.toBe('enough');
      expect(fn).not.toHaveBeenCalled();
      await expectNothingLeft();
    });
  });

  it('may resolve with undefined, say the types, only where the caller has said `ifAvailable`', async () => {
    const keeper = await on.keeper();
    const [mutex, semaphore] = [new Mutex(keeper, freshLine()), new Semaphore(keeper, freshLine(), { maxLeases: 2 })];
    const fn = (): number => 1;
    const sometimes = (): boolean => true;
    expectTypeOf(await mutex.run(fn)).toEqualTypeOf<number>();
    expectTypeOf(await mutex.run(fn, { timeoutMs: 5_000 })).toEqualTypeOf<number>();
    expectTypeOf(await mutex.run(fn, { ifAvailable: false })).toEqualTypeOf<number>();
    expectTypeOf(await mutex.run(fn, { ifAvailable: true })).toEqualTypeOf<number | undefined>();
    expectTypeOf(await mutex.run(fn, { ifAvailable: sometimes() })).toEqualTypeOf<number | undefined>();
    expectTypeOf(await semaphore.run(fn, { permits: 2, ifAvailable: true })).toEqualTypeOf<number | undefined>();
  });
});
