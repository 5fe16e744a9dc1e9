import { hostname } from 'node:os';
import { AlreadyEnteredError, DoubleBarrier, NotEnteredError } from '@zk-recipes/barriers';
import type { Keeper } from '@zk-recipes/core';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { serverCounters, untilUnwatched, untilWatchCount, untilWatched } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { requestsDuring } from '../stage/wire.js';

describeOnOwnServers('DoubleBarrier', () => {
  const server = ownServer({ tickTimeMs: 250, systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  /** Keepers and their barriers, on one path. */
  async function crew(size: number, members = size, path = freshLine()): Promise<DoubleBarrier[]> {
    const keepers = await Promise.all(Array.from({ length: size }, () => on.keeper()));
    return keepers.map((keeper, index) => new DoubleBarrier(keeper, path, { members, id: `${index}` }));
  }

  it('lets all in together, and out together, and leaves nothing', async () => {
    const barriers = await crew(4);
    const observer = await on.keeper();
    const { path } = barriers[0] as DoubleBarrier;
    for (let round = 0; round < 3; round++) {
      const entering = barriers.slice(0, 3).map((one) => one.enter());
      const [first] = await untilNames(observer, path, 3);
      expect(first).toMatch(/^[0-9a-f-]{36}$/);
      expect(await isSettled(Promise.race(entering))).toBe(false);
      await Promise.all([...entering, barriers[3]?.enter()]);
      expect(await namesIn(observer, path)).toContain('ready');
      const leaving = barriers.slice(0, 3).map((one) => one.leave());
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await isSettled(Promise.race(leaving))).toBe(false);
      await Promise.all([...leaving, barriers[3]?.leave()]);
      await untilEmpty(observer, path);
      await untilUnwatched(on.server, path);
    }
    expect(on.errors).toEqual([]);
  });

  it('has the znodes of Curator, with who it is for others to see', async () => {
    const keeper = await on.keeper({ defaultData: 'by default' });
    const path = `${freshLine()}/deep`;
    const barriers = [
      new DoubleBarrier(keeper, path, { members: 3, id: 'me' }),
      new DoubleBarrier(keeper, path, { members: 3, id: 'me', data: 'my data' }),
      new DoubleBarrier(keeper, path, { members: 3 }),
    ];
    await Promise.all(barriers.map((one) => one.enter()));
    const contents = (await namesIn(keeper, path)).map(async (name) => {
      const { data, stat } = await keeper.getData().withStat().forPath(`${path}/${name}`);
      return `${name.length} ${String(data)} ${stat.ephemeralOwner === 0n ? 'persistent' : 'ephemeral'}`;
    });
    expect((await Promise.all(contents)).sort()).toEqual(
      [
        `36 ${hostname()}:${process.pid} ephemeral`,
        '36 me ephemeral',
        '36 my data ephemeral',
        '5 by default persistent',
      ].sort(),
    );
    await Promise.all(barriers.map((one) => one.leave()));
  });

  it('takes one who is enough', async () => {
    const [one] = (await crew(1)) as [DoubleBarrier];
    expect(await one.run(() => 'done')).toBe('done');
    expect(await one.run(async () => 'again')).toBe('again');
    await untilEmpty(await on.keeper(), one.path);
  });

  describe('run', () => {
    it('leaves also when the function throws, with its error', async () => {
      const [a, b] = (await crew(2)) as [DoubleBarrier, DoubleBarrier];
      const error = new Error('of the function');
      const failing = a.run(() => Promise.reject(error));
      await Promise.all([expect(failing).rejects.toBe(error), b.run(() => {})]);
      await expect(a.leave()).rejects.toThrow(NotEnteredError);
      await untilEmpty(await on.keeper(), a.path);
    });

    it('does not call the function when it gives up before', async () => {
      const [a] = (await crew(2)) as [DoubleBarrier];
      let called = false;
      const running = a.run(() => (called = true), { signal: AbortSignal.timeout(50) });
      await expect(running).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(called).toBe(false);
    });
  });

  it('is entered and left in turn', async () => {
    const [a, b] = (await crew(2)) as [DoubleBarrier, DoubleBarrier];
    await expect(a.leave()).rejects.toThrow(NotEnteredError);
    const entering = a.enter();
    await expect(a.enter()).rejects.toThrow(AlreadyEnteredError);
    await expect(a.leave()).rejects.toThrow(NotEnteredError);
    await Promise.all([entering, b.enter()]);
    await expect(a.enter()).rejects.toThrow(AlreadyEnteredError);
    const leaving = a.leave();
    await expect(a.leave()).rejects.toThrow(NotEnteredError);
    await expect(a.enter()).rejects.toThrow(AlreadyEnteredError);
    await Promise.all([leaving, b.leave()]);
  });

  it('takes only what it knows', async () => {
    const keeper = await on.keeper();
    const make = (options: object) => () => new DoubleBarrier(keeper, '/x', options as { members: number });
    expect(make({ members: 0 })).toThrow(RangeError);
    expect(make({ members: 1.5 })).toThrow(TypeError);
    expect(make({})).toThrow('members');
    expect(make({ members: 2, qty: 2 })).toThrow('Unknown option `qty`');
    expect(() => new DoubleBarrier(keeper, 'x', { members: 2 })).toThrow(/path/);
    await expect(new DoubleBarrier(keeper, '/x', { members: 1 }).run(null as never)).rejects.toThrow('`fn`');
  });

  it('enters with four or five requests in two writes, and is woken once', async () => {
    const { keeper, proxy } = await on.proxied();
    const [b, c] = (await crew(2, 3)) as [DoubleBarrier, DoubleBarrier];
    const a = new DoubleBarrier(keeper, b.path, { members: 3 });
    const observer = await on.keeper();
    await observer.create().creatingParents().forPath(a.path);
    let entering: Promise<unknown> = Promise.resolve();
    const waiting = await requestsDuring(proxy, async () => {
      entering = a.enter();
      await untilWatched(on.server, `${a.path}/ready`);
    });
    expect(waiting).toEqual({ create2: 1, exists: 2, getChildren2: 1 });
    // Arrivals wake nobody.
    const arrival = b.enter();
    await untilWatchCount(on.server, 2);
    const { notices } = await serverCounters(on.server);
    const woken = await requestsDuring(proxy, async () => {
      await c.enter();
      await Promise.all([entering, arrival]);
    });
    expect(woken).toEqual({});
    expect((await serverCounters(on.server)).notices - notices).toBe(2);
    await Promise.all([a, b, c].map((one) => one.leave()));
  });

  it('is oversubscribed: all enter, and all leave', async () => {
    for (const extra of [1, 3]) {
      const barriers = await crew(3 + extra, 3);
      for (let round = 0; round < 5; round++) {
        await Promise.all(barriers.map((one) => one.enter()));
        await Promise.all(barriers.map((one) => one.leave()));
        await untilEmpty(await on.keeper(), (barriers[0] as DoubleBarrier).path);
      }
    }
    expect(on.errors).toEqual([]);
  });

  it('lets in who comes late, while one of those is inside who entered together', async () => {
    const [a, b, late, later] = (await crew(4, 2)) as [DoubleBarrier, DoubleBarrier, DoubleBarrier, DoubleBarrier];
    const observer = await on.keeper();
    await Promise.all([a.enter(), b.enter()]);
    await late.enter();
    const first = a.leave();
    await later.enter();
    const second = later.leave();
    expect(await isSettled(first)).toBe(false);
    expect(await isSettled(second)).toBe(false);
    await late.leave({ signal: AbortSignal.timeout(50) }).catch(() => {});
    await b.leave();
    await Promise.all([first, second]);
    await untilEmpty(observer, a.path);
    expect(on.errors).toEqual([]);
  });

  it('does not wait in leave for who enters again already', async () => {
    const [a, b, c] = (await crew(3, 2)) as [DoubleBarrier, DoubleBarrier, DoubleBarrier];
    const observer = await on.keeper();
    for (let round = 0; round < 10; round++) {
      await Promise.all([a.enter(), b.enter()]);
      const leaving = [a.leave(), b.leave()];
      const controller = new AbortController();
      // Who comes between two rounds belongs to either.
      const between = c.enter({ signal: controller.signal }).then(
        () => c.leave(),
        () => {},
      );
      await Promise.all(leaving);
      controller.abort();
      await between;
      await untilEmpty(observer, a.path);
    }
  });

  it('comes to the next round at once, many times over', { timeout: 120_000 }, async () => {
    const barriers = await crew(5);
    const rounds = times(100, 1_000);
    const counts = barriers.map(() => 0);
    await Promise.all(
      barriers.map(async (one, index) => {
        for (let round = 1; round <= rounds; round++) {
          await one.enter();
          counts[index] = round;
          // Nobody is ahead by a round, or behind.
          expect(Math.min(...counts)).toBeGreaterThanOrEqual(round - 1);
          await one.leave();
          expect(counts).toEqual(counts.map(() => Math.max(...counts)));
        }
      }),
    );
    await untilEmpty(await on.keeper(), (barriers[0] as DoubleBarrier).path);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });

  describe('`ready` left behind', () => {
    /** Everybody crashes inside. */
    async function crashed(): Promise<{ path: string; observer: Keeper }> {
      const dead = await crew(2);
      await Promise.all(dead.map((one) => one.enter()));
      return { path: (dead[0] as DoubleBarrier).path, observer: await on.keeper() };
    }

    it.each([2, 3])('lets nobody in before there are %d members again', async (members) => {
      const { path, observer } = await crashed();
      // The keepers of the stage are those of the crew, one after the other.
      for (const name of await namesIn(observer, path)) {
        if (name !== 'ready') await observer.delete().forPath(`${path}/${name}`);
      }
      const barriers = await crew(members, members, path);
      const waiting = barriers.slice(1).map((one) => one.enter());
      await untilNames(observer, path, members);
      await untilWatched(on.server, `${path}/ready`);
      expect(await isSettled(Promise.race(waiting))).toBe(false);
      await Promise.all([...waiting, barriers[0]?.enter()]);
      await Promise.all(barriers.map((one) => one.leave()));
      await untilEmpty(observer, path);
      await untilUnwatched(on.server, path);
    });

    it('lets nobody in when it is made, removed and changed by hand', async () => {
      const [a, b] = (await crew(2)) as [DoubleBarrier, DoubleBarrier];
      const observer = await on.keeper();
      const ready = `${a.path}/ready`;
      await observer.create().creatingParents().forPath(ready);
      const entering = a.enter();
      for (let change = 0; change < 3; change++) {
        await untilWatched(on.server, ready);
        await observer.setData().forPath(ready, `${change}`);
      }
      await untilWatched(on.server, ready);
      await observer.delete().forPath(ready);
      await untilWatched(on.server, ready);
      expect(await isSettled(entering)).toBe(false);
      await Promise.all([entering, b.enter()]);
      await Promise.all([a.leave(), b.leave()]);
    });
  });

  it('opens also for who sees `ready` only when it is gone again', async () => {
    const [a] = (await crew(1, 2)) as [DoubleBarrier];
    const observer = await on.keeper();
    const entering = a.enter();
    const ready = `${a.path}/ready`;
    await untilWatched(on.server, ready);
    await observer.transaction().create(ready, 'for a moment').delete(ready).commit();
    await entering;
    await a.leave();
  });

  it('row 8: its path is removed with all members: who waits comes again at its next look', async () => {
    const { keeper, proxy } = await on.proxied();
    const [b] = (await crew(1, 2)) as [DoubleBarrier];
    const a = new DoubleBarrier(keeper, b.path, { members: 2 });
    const observer = await on.keeper();
    const entering = a.enter();
    await untilWatched(on.server, `${a.path}/ready`);
    await observer.delete().deletingChildren().quietly().forPath(a.path);
    proxy.cut();
    await untilNames(observer, a.path, 1);
    await Promise.all([entering, b.enter()]);
    await observer.delete().deletingChildren().quietly().forPath(a.path);
    await Promise.all([a.leave(), b.leave()]);
    await untilEmpty(observer, a.path);
    expect(on.errors).toEqual([]);
  });

  it('row 9: a foreign child counts if it has the name of a member, and else does not', async () => {
    const [a] = (await crew(1, 2)) as [DoubleBarrier];
    const observer = await on.keeper();
    const foreign = `${a.path}/8a1b2c3d000040008000123456789012`;
    await observer.create().creatingParents().forPath(`${a.path}/1`);
    const giveUp = new AbortController();
    const entering = a.enter({ signal: giveUp.signal });
    await untilNames(observer, a.path, 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await isSettled(entering)).toBe(false);
    giveUp.abort(new Error('enough'));
    await expect(entering).rejects.toThrow('enough');
    await observer.create().forPath(foreign);
    await a.enter();
    const leaving = a.leave();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await isSettled(leaving)).toBe(false);
    await observer.delete().forPath(foreign);
    await leaving;
    await untilNames(observer, a.path, 1);
    expect(await observer.getChildren().forPath(a.path)).toEqual(['1']);
  });

  it('expires inside: the others leave, and it leaves with them', async () => {
    const [a, b, c] = (await crew(3, 4)) as [DoubleBarrier, DoubleBarrier, DoubleBarrier];
    const keeper = await on.keeper();
    const expired = new DoubleBarrier(keeper, a.path, { members: 4 });
    await Promise.all([a, b, c, expired].map((one) => one.enter()));
    await expire(keeper, on.server);
    const leaving = [b, c, expired].map((one) => one.leave());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await isSettled(Promise.race(leaving))).toBe(false);
    await Promise.all([...leaving, a.leave()]);
    await untilEmpty(await on.keeper(), a.path);
    expect(on.errors).toEqual([]);
  });

  it('expires inside, and finds the others in the next round already: it does not wait for them', async () => {
    const [a, b] = (await crew(2, 3)) as [DoubleBarrier, DoubleBarrier];
    const keeper = await on.keeper();
    const expired = new DoubleBarrier(keeper, a.path, { members: 3 });
    await Promise.all([a, b, expired].map((one) => one.enter()));
    await expire(keeper, on.server);
    await Promise.all([a.leave(), b.leave()]);
    const entering = [a.enter(), b.enter()];
    await untilNames(await on.keeper(), a.path, 2);
    await expired.leave();
    await Promise.all([...entering, expired.enter()]);
    await Promise.all([a, b, expired].map((one) => one.leave()));
  });
});
