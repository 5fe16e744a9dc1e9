import type { Keeper } from '@zk-recipes/core';
import { InvalidLeaseLimitError, Semaphore } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { freshLine, stage } from '../stage/stage.js';

describeOnSharedServer('a semaphore with a shared count', () => {
  const on = stage();

  const numberOf = async (keeper: Keeper, path: string): Promise<string | undefined> =>
    (await keeper.getData().forPath(path))?.toString('hex');

  it('refuses more permits than there are', async () => {
    const semaphore = new Semaphore(await on.keeper(), freshLine(), { maxLeases: 2 });
    for (const verb of [semaphore.acquire, semaphore.tryAcquire] as const) {
      await expect(verb.call(semaphore, { permits: 3 })).rejects.toThrow(RangeError);
      await expect(verb.call(semaphore, { permits: 3 })).rejects.toThrow(/`permits`.*2.*3/);
    }
    await expect(semaphore.setMaxLeases(3)).rejects.toThrow(TypeError);
  });

  it('makes it where it is missing, as 4 bytes, and leaves one that is there', async () => {
    const keepers = [await on.keeper(), await on.keeper()] as const;
    const [path, limit] = [freshLine(), `${freshLine()}/deep/limit`];
    const leases = await Promise.all(
      keepers.map((keeper, index) =>
        new Semaphore(keeper, path, { maxLeases: { path: limit, seed: 2 + index } }).acquire(),
      ),
    );
    expect(['00000002', '00000003']).toContain(await numberOf(keepers[0], limit));
    for (const lease of leases) await lease.release();
    await new Semaphore(keepers[0], path, { maxLeases: { path: limit } }).setMaxLeases(258);
    expect(await numberOf(keepers[1], limit)).toBe('00000102');
    await using lease = await new Semaphore(keepers[0], path, { maxLeases: { path: limit, seed: 1 } }).acquire({
      permits: 258,
    });
    expect(lease.permits).toBe(258);
  });

  it('wakes who waits when it is raised, and takes nothing back when it shrinks', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const [path, limit] = [freshLine(), freshLine()];
    const semaphore = new Semaphore(keeper, path, { maxLeases: { path: limit, seed: 1 } });
    const first = await semaphore.acquire();
    const waiting = semaphore.acquire();
    await untilWatched(on.server, limit);
    const setter = new Semaphore(other, path, { maxLeases: { path: limit } });
    await setter.setMaxLeases(2);
    const second = await waiting;
    await setter.setMaxLeases(1);
    const third = semaphore.acquire();
    await untilWatched(on.server, limit);
    expect([first.state, second.state]).toEqual(['held', 'held']);
    await first.release();
    // One is left, which is as many as there are. It has looked by the time that later questions of its session are answered.
    for (let question = 0; question < 2; question++) await keeper.exists().forPath(path);
    expect([await isSettled(third), second.state]).toEqual([false, 'held']);
    await second.release();
    await (await third).release();
    for (const directory of ['locks', 'leases']) await untilEmpty(other, `${path}/${directory}`);
    await untilUnwatched(on.server, path);
    await untilUnwatched(on.server, limit);
  });

  it('hands out none while it is 0, and as many as are wanted when there are', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const [path, limit] = [freshLine(), freshLine()];
    const semaphore = new Semaphore(keeper, path, { maxLeases: { path: limit } });
    await semaphore.setMaxLeases(0);
    expect(await semaphore.tryAcquire()).toBeNull();
    const waiting = new Semaphore(other, path, { maxLeases: { path: limit } }).acquire({ permits: 5 });
    await untilWatched(on.server, limit);
    await semaphore.setMaxLeases(4);
    await untilWatched(on.server, limit);
    expect(await isSettled(waiting)).toBe(false);
    await semaphore.setMaxLeases(5);
    const lease = await waiting;
    expect(lease.permits).toBe(5);
    await lease.release();
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['too short', 'abc'],
    ['too long', 'abcde'],
    ['negative', Buffer.from('ffffffff', 'hex')],
  ])('rejects with an InvalidLeaseLimitError when it is %s, and leaves nothing', async (_, data) => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const [path, limit] = [freshLine(), freshLine()];
    if (data !== undefined) await observer.create().forPath(limit, data);
    const semaphore = new Semaphore(keeper, path, { maxLeases: { path: limit } });
    for (let round = 0; round < 3; round++) {
      await expect(semaphore.acquire()).rejects.toThrow(InvalidLeaseLimitError);
      await expect(semaphore.tryAcquire()).rejects.toMatchObject({ path: limit, code: 'ZK_INVALID_LEASE_LIMIT' });
    }
    await untilEmpty(observer, `${path}/locks`);
    await observer
      .create()
      .orSetData()
      .forPath(limit, Buffer.from([0, 0, 0, 1]));
    await using lease = await semaphore.acquire();
    expect(lease.state).toBe('held');
    await untilUnwatched(on.server, limit);
  });

  it('is not changed by setMaxLeases where it is an ephemeral of another session, and would go with that', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const limit = freshLine();
    await other
      .create()
      .withMode('EPHEMERAL')
      .forPath(limit, Buffer.from([0, 0, 0, 1]));
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: { path: limit } });
    await expect(semaphore.setMaxLeases(3)).rejects.toMatchObject({ code: 'ZK_ZNODE_OWNER', path: limit });
    expect(await other.getData().forPath(limit)).toEqual(Buffer.from([0, 0, 0, 1]));
    await using lease = await semaphore.acquire();
    expect(lease.state).toBe('held');
  });

  it.each([
    ['removed', undefined],
    ['overwritten', 'nonsense'],
  ])('rejects whoever waits when it is %s meanwhile, and the next in line, too', async (_, data) => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const [path, limit] = [freshLine(), freshLine()];
    const lease = await new Semaphore(keeper, path, { maxLeases: { path: limit, seed: 1 } }).acquire();
    const semaphore = new Semaphore(keeper, path, { maxLeases: { path: limit } });
    const waiters = [semaphore.acquire()];
    await untilWatched(on.server, limit);
    waiters.push(semaphore.acquire());
    await untilNames(observer, `${path}/locks`, 2);
    if (data === undefined) await observer.delete().forPath(limit);
    else await observer.setData().forPath(limit, data);
    await Promise.all(waiters.map((waiter) => expect(waiter).rejects.toThrow(InvalidLeaseLimitError)));
    expect(lease.state).toBe('held');
    await untilEmpty(observer, `${path}/locks`);
    await lease.release();
    await untilUnwatched(on.server, path);
    await untilUnwatched(on.server, limit);
  });
});
