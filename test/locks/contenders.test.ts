import { Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilNames } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

describeOnOwnServers('contenders', () => {
  const server = ownServer({ systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  it('are nobody where nobody has ever been', async () => {
    const keeper = await on.keeper();
    expect(await new Mutex(keeper, freshLine()).contenders()).toEqual([]);
    expect(await new ReadWriteLock(keeper, freshLine()).contenders()).toEqual([]);
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 1 });
    expect([await semaphore.contenders(), await semaphore.leases()]).toEqual([[], []]);
  });

  it('are told with who they are, since when, and in the order of the line', async () => {
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()] as const;
    const path = freshLine();
    const beganMs = Date.now();
    const held = await new Mutex(keepers[0], path, { data: 'Ada, in Zürich' }).acquire();
    const second = new Mutex(keepers[1], path, { data: null }).acquire();
    await untilNames(keepers[0], path, 2);
    const third = new Mutex(keepers[2], path, { data: Buffer.from([0xff, 0xfe]) }).acquire();
    await untilNames(keepers[0], path, 3);
    const contenders = await new Mutex(keepers[0], path).contenders();
    expect(contenders.map(({ id, sessionId, state, position }) => ({ id, sessionId, state, position }))).toEqual([
      { id: 'Ada, in Zürich', sessionId: keepers[0].sessionId, state: 'holding', position: 0 },
      { id: null, sessionId: keepers[1].sessionId, state: 'waiting', position: 1 },
      { id: null, sessionId: keepers[2].sessionId, state: 'waiting', position: 2 },
    ]);
    expect(contenders[0]?.path).toBe(held.path);
    for (const { since, sinceMs } of contenders) {
      expect(Math.abs(since.getTime() - beganMs)).toBeLessThan(10_000);
      expect(sinceMs).toBe(since.getTime());
    }
    await held.release();
    await (await second).release();
    expect((await new Mutex(keepers[0], path).contenders()).map(({ state }) => state)).toEqual(['holding']);
    await (await third).release();
  });

  it('leave out foreign znodes, which take part in the line all the same', async () => {
    const keeper = await on.keeper();
    const mutex = new Mutex(keeper, freshLine());
    await keeper.create().forPath(mutex.path);
    const foreign = `${mutex.path}/00000000000040008000123456789012__lock__0000000000`;
    for (const path of [foreign, `${mutex.path}/zfoo`]) await keeper.create().forPath(path);
    const acquiring = mutex.acquire();
    await untilNames(keeper, mutex.path, 3);
    expect(await mutex.contenders()).toMatchObject([{ state: 'waiting', position: 1 }]);
    await keeper.delete().forPath(foreign);
    const hold = await acquiring;
    expect(await mutex.contenders()).toMatchObject([{ state: 'holding', position: 0, path: hold.path }]);
    await hold.release();
  });

  it('of a read/write lock are told by side, and together', async () => {
    const keeper = await on.keeper();
    const lock = new ReadWriteLock(keeper, freshLine());
    const readers = [await lock.read.acquire(), await lock.read.acquire()];
    const writing = lock.write.acquire();
    await untilNames(keeper, lock.path, 3);
    const reading = lock.read.acquire();
    await untilNames(keeper, lock.path, 4);
    const seen = async (side: Pick<ReadWriteLock, 'contenders'>) =>
      (await side.contenders()).map(({ state, position }) => `${state} ${position}`);
    expect(await seen(lock)).toEqual(['holding 0', 'holding 1', 'waiting 2', 'waiting 3']);
    expect(await seen(lock.read)).toEqual(['holding 0', 'holding 1', 'waiting 3']);
    expect(await seen(lock.write)).toEqual(['waiting 2']);
    for (const reader of readers) await reader.release();
    expect(await seen(lock)).toEqual(['holding 0', 'waiting 1']);
    await (await writing).release();
    await (await reading).release();
  });

  it('of a semaphore are its leases, then its line', async () => {
    const keeper = await on.keeper();
    const semaphore = new Semaphore(keeper, freshLine(), { maxLeases: 3, data: 'me' });
    const lease = await semaphore.acquire({ permits: 2 });
    const wishing = semaphore.acquire({ permits: 2 });
    await untilNames(keeper, `${semaphore.path}/locks`, 1);
    const waiting = semaphore.acquire();
    await untilNames(keeper, `${semaphore.path}/locks`, 2);
    expect((await semaphore.leases()).map(({ id, state }) => [id, state])).toEqual([
      ['me', 'holding'],
      ['me', 'holding'],
    ]);
    const places = (await semaphore.contenders()).map(({ state, position }) => `${state} ${position}`);
    expect(places).toEqual(['holding 0', 'holding 0', 'waiting 1', 'waiting 2']);
    await lease.release();
    await (await wishing).release();
    await (await waiting).release();
    expect(await semaphore.contenders()).toEqual([]);
  });

  it('have growing fencing tokens, also when the path was reaped in between', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = `${freshLine()}/lock`;
    const tokens: bigint[] = [];
    const names: string[] = [];
    for (let round = 0; round < 4; round++) {
      const hold = await new Mutex(keeper, path).acquire();
      tokens.push(hold.fencingToken);
      names.push(hold.path.slice(-10));
      await hold.release();
      await until(async () => ((await observer.exists().forPath(path)) === null ? true : undefined), {
        what: 'the reaper',
      });
    }
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => (a < b ? -1 : 1)));
    // The server counts anew, which is why its numbers are no tokens.
    expect(names).toEqual(Array.from({ length: 4 }, () => '0000000000'));
  });
});
