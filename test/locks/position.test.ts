import type { Hold } from '@zk-recipes/core';
import { Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, untilNames } from '../stage/lines.js';
import { untilUnwatched } from '../stage/server-counters.js';
import { expire, freshLine, stage, untilState } from '../stage/stage.js';

/** Collects what is told of positions. */
class Told {
  readonly positions: number[] = [];
  #heard = (): void => {};

  readonly listener = (position: number): void => {
    this.positions.push(position);
    this.#heard();
  };

  /** Resolves when this is the position told last. */
  async until(position: number): Promise<void> {
    while (this.positions.at(-1) !== position) await new Promise<void>((resolve) => (this.#heard = resolve));
  }
}

describeOnSharedServer('onQueued', () => {
  const on = stage();

  /** Has some stand in line one after the other, the first of them holding. */
  async function standing(path: string, count: number): Promise<{ leave: () => Promise<void> }[]> {
    const keeper = await on.keeper();
    const line: { leave: () => Promise<void> }[] = [];
    for (let index = 0; index < count; index++) {
      const controller = new AbortController();
      const acquired = new Mutex(keeper, path).acquire({ signal: controller.signal });
      acquired.catch(() => {});
      await untilNames(keeper, path, index + 1);
      const leave = async (): Promise<void> => {
        controller.abort(new Error('leaves'));
        await (await acquired.catch((): Hold | null => null))?.release();
      };
      line.push({ leave });
    }
    return line;
  }

  it.each([
    ['from the front', [0, 1, 2, 3, 4]],
    ['from the back', [4, 3, 2, 1, 0]],
    ['here and there', [2, 0, 4, 1, 3]],
  ])('is told of each change while others leave %s', async (_, leaving) => {
    const keeper = await on.keeper();
    const path = freshLine();
    const line = await standing(path, 5);
    const told = new Told();
    const acquiring = new Mutex(keeper, path).acquire({ onQueued: told.listener });
    await told.until(5);
    // Who comes later changes nothing.
    const later = new Mutex(keeper, path).acquire();
    await untilNames(keeper, path, 7);
    for (const [index, who] of leaving.entries()) {
      expect(await isSettled(acquiring)).toBe(false);
      await line[who]?.leave();
      if (index < 4) await told.until(4 - index);
    }
    await (await acquiring).release();
    await (await later).release();
    expect(told.positions).toEqual([5, 4, 3, 2, 1]);
    await untilUnwatched(on.server, path);
    expect(on.errors).toEqual([]);
  });

  it('is told of what happened while it was disconnected', async () => {
    const { keeper, proxy } = await on.proxied();
    const path = freshLine();
    const line = await standing(path, 5);
    const told = new Told();
    const acquiring = new Mutex(keeper, path).acquire({ onQueued: told.listener });
    await told.until(5);
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    await line[1]?.leave();
    await line[3]?.leave();
    await proxy.accept();
    await told.until(3);
    await line[2]?.leave();
    await told.until(2);
    await line[0]?.leave();
    await told.until(1);
    await line[4]?.leave();
    await (await acquiring).release();
    expect(told.positions).toEqual([5, 3, 2, 1]);
    await untilUnwatched(on.server, path);
  });

  it('is told anew in the line of the next session', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const line = await standing(path, 1);
    const told = new Told();
    const acquiring = new Mutex(keeper, path).acquire({ onQueued: told.listener });
    await told.until(1);
    const later = await on.keeper();
    const behind = new Mutex(later, path).acquire();
    await untilNames(later, path, 3);
    await expire(keeper, on.server);
    await told.until(2);
    await line[0]?.leave();
    await (await behind).release();
    await (await acquiring).release();
    expect(told.positions).toEqual([1, 2, 1]);
  });

  it('is told nothing when there is nobody to wait for, or nobody waits any more', async () => {
    const keeper = await on.keeper();
    const mutex = new Mutex(keeper, freshLine());
    const told = new Told();
    const held = await mutex.acquire({ onQueued: told.listener });
    const controller = new AbortController();
    const given = mutex.acquire({ onQueued: told.listener, signal: controller.signal });
    await told.until(1);
    controller.abort('enough');
    await expect(given).rejects.toBe('enough');
    expect(await mutex.tryAcquire({ onQueued: told.listener })).toBeNull();
    await held.release();
    expect(told.positions).toEqual([1]);
    await untilUnwatched(on.server, mutex.path);
  });

  it('may throw: that is a background error', async () => {
    const keeper = await on.keeper();
    const mutex = new Mutex(keeper, freshLine());
    const held = await mutex.acquire();
    const error = new Error('of the listener');
    let heard = (): void => {};
    const told = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const onQueued = (): void => {
      heard();
      throw error;
    };
    const acquiring = mutex.acquire({ onQueued });
    await told;
    await held.release();
    await (await acquiring).release();
    expect(on.errors.map(({ error: reported }) => reported)).toEqual([error]);
  });

  it('counts readers and writers before a writer, and all before a reader', async () => {
    const keeper = await on.keeper();
    const lock = new ReadWriteLock(keeper, freshLine());
    const readers = [await lock.read.acquire(), await lock.read.acquire()];
    const [writer, reader] = [new Told(), new Told()];
    const writing = lock.write.acquire({ onQueued: writer.listener });
    await writer.until(2);
    const reading = lock.read.acquire({ onQueued: reader.listener });
    await reader.until(3);
    await readers[0]?.release();
    await Promise.all([writer.until(1), reader.until(2)]);
    await readers[1]?.release();
    const written = await writing;
    await reader.until(1);
    await written.release();
    await (await reading).release();
    expect([writer.positions, reader.positions]).toEqual([
      [2, 1],
      [3, 2, 1],
    ]);
  });

  it('of a semaphore is 1 for who stands in front and waits for room', async () => {
    const keeper = await on.keeper();
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 2 });
    const leases = [await semaphore.acquire(), await semaphore.acquire()];
    const [first, second] = [new Told(), new Told()];
    const one = semaphore.acquire({ onQueued: first.listener });
    await first.until(1);
    const other = semaphore.acquire({ onQueued: second.listener });
    await second.until(2);
    await leases[0]?.release();
    await (await one).release();
    await leases[1]?.release();
    await (await other).release();
    expect(first.positions).toEqual([1]);
    expect([[2], [2, 1]]).toContainEqual(second.positions);
    await untilUnwatched(on.server, semaphore.path);
  });
});
