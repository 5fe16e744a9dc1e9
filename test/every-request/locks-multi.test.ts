import { HoldLostError, type Keeper } from '@zk-recipes/core';
import { type LockHold, type MultiHold, MultiLock, Mutex, ReadWriteLock } from '@zk-recipes/locks';
import { expect } from 'vitest';
import { describeEveryRequest } from '../stage/every-request.js';
import { untilAborted } from '../stage/holds.js';
import { isWaitedFor, nextComes } from './locks-play.js';

/** Two mutexes and the writing side of a read/write lock. */
function locksOf(keeper: Keeper, path: string): [Mutex, Mutex, ReadWriteLock['write']] {
  return [new Mutex(keeper, `${path}/a`), new Mutex(keeper, `${path}/b`), new ReadWriteLock(keeper, `${path}/c`).write];
}

/** All lines are empty: each lock is to be had alone, and all together. Makes the lines that are missing. */
async function allAreFree(keeper: Keeper, path: string): Promise<void> {
  for (const lock of locksOf(keeper, path)) await nextComes(lock);
  await nextComes(new MultiLock(keeper, locksOf(keeper, path)));
}

/** The lines are listed together, so that all answers are there when the first of them is told; the last decides. */
const heeds = ({ operation, path }: { readonly operation: string; readonly path: string | undefined }): boolean =>
  isWaitedFor({ operation }) && !/^(exists|getChildren)/.test(operation) && !/\/[abc]$/.test(String(path));

await describeEveryRequest({
  name: 'MultiLock: acquire, free, release twice, dispose',
  heeds,
  onExpiry: [],
  mayBeGivenUp: true,
  prepare: ({ subject, other, path, signal }) => {
    let hold: MultiHold | undefined;
    return {
      act: async () => {
        hold = await new MultiLock(subject, locksOf(subject, path)).acquire({ signal });
        const { state } = hold;
        await Promise.all([hold.release(), hold.release()]);
        await hold[Symbol.asyncDispose]();
        return [hold.paths, state];
      },
      settle: async () => {
        await hold?.release();
        await allAreFree(other, path);
      },
    };
  },
});

for (const index of [0, 2] as const) {
  await describeEveryRequest({
    name: `MultiLock: acquire behind the holder of number ${index}`,
    goesOn: true,
    heeds,
    onExpiry: [HoldLostError],
    prepare: async ({ subject, other, path, signal, untilSent }) => {
      await allAreFree(other, path);
      const first = await (locksOf(other, path)[index] as Mutex).acquire();
      let hold: MultiHold | undefined;
      return {
        act: async () => {
          const leave = untilSent({ operation: 'getData', path: first.path }).then(() => first.release());
          [hold] = await Promise.all([new MultiLock(subject, locksOf(subject, path)).acquire({ signal }), leave]);
          const states = [hold.state];
          await hold.release();
          return [hold.paths, states];
        },
        settle: async () => {
          await Promise.all([first.release(), hold?.release()]);
          await allAreFree(other, path);
        },
      };
    },
  });
}

await describeEveryRequest({
  name: 'MultiLock: acquire behind one who has all, and one who waits for the last',
  heeds,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    await allAreFree(other, path);
    const all = await new MultiLock(other, locksOf(other, path)).acquire();
    await untilWatches(3);
    let second: LockHold | undefined;
    const waiting = locksOf(other, path)[2]
      .acquire()
      .then((hold) => {
        second = hold;
      });
    waiting.catch(() => {});
    // It waits when it is in the line, and has seen who stands before.
    const isThere = async (): Promise<boolean> => (await other.getChildren().forPath(`${path}/c`)).length === 2;
    while (!(await isThere()));
    let hold: MultiHold | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: String(all.paths[0]) });
      await all.release();
      await waiting;
      await untilSent({ operation: 'getData', path: String(second?.path) });
      await second?.release();
    };
    return {
      act: async () => {
        [hold] = await Promise.all([new MultiLock(subject, locksOf(subject, path)).acquire({ signal }), leave()]);
        await hold.release();
        return hold.paths;
      },
      settle: async () => {
        await all.release();
        await waiting;
        await Promise.all([second?.release(), hold?.release()]);
        await allAreFree(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'MultiLock: a place that had its turn is deleted by hand, while another waits',
  heeds,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const [a, , c] = locksOf(other, path);
    await allAreFree(other, path);
    const first = await c.acquire();
    let hold: MultiHold | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: first.path });
      for (const { path: place } of await a.contenders()) await other.delete().quietly().forPath(place);
      await first.release();
    };
    return {
      act: async () => {
        [hold] = await Promise.all([new MultiLock(subject, locksOf(subject, path)).acquire({ signal }), leave()]);
        const isThere = await Promise.all(hold.paths.map((own) => other.exists().forPath(own)));
        await hold.release();
        expect(isThere).not.toContain(null);
        return hold.paths;
      },
      settle: async () => {
        await Promise.all([first.release(), hold?.release()]);
        await allAreFree(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'MultiLock: tryAcquire, busy',
  heeds,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal }) => {
    await allAreFree(other, path);
    const first = await locksOf(other, path)[1].acquire();
    return {
      act: () => new MultiLock(subject, locksOf(subject, path)).tryAcquire({ signal }),
      settle: async () => {
        await first.release();
        await allAreFree(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'MultiLock: run',
  heeds,
  onExpiry: [HoldLostError],
  prepare: ({ subject, other, path, signal, untilSent }) => ({
    act: () =>
      new MultiLock(subject, locksOf(subject, path)).run(
        async ({ paths, state, signal: held }) => {
          const looks = Promise.all(paths.map((own) => untilSent({ operation: 'getData', path: own })));
          await Promise.race([looks, untilAborted(held)]);
          return [paths, state];
        },
        { signal },
      ),
    settle: () => allAreFree(other, path),
  }),
});
