import { Barrier } from '@zk-recipes/barriers';
import { ClosedError, type Keeper } from '@zk-recipes/core';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { isSettled } from '../stage/lines.js';
import { untilUnwatched, untilWatchCount, untilWatched } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { requestsDuring, wire } from '../stage/wire.js';

describeOnOwnServers('Barrier', () => {
  const server = ownServer({ tickTimeMs: 250 });
  const on = stage(() => server().connectString);

  it('is set and removed, any number of times, by anybody', async () => {
    const [keeper, other] = [await on.keeper({ defaultData: 'by default' }), await on.keeper()];
    const path = `${freshLine()}/deep/barrier`;
    const [own, others] = [new Barrier(keeper, path), new Barrier(other, path)];
    expect(await own.isSet()).toBe(false);
    await own.remove();
    await own.set();
    await own.set();
    await others.set();
    expect(await others.isSet()).toBe(true);
    expect(String(await other.getData().forPath(path))).toBe('by default');
    await others.remove();
    await others.remove();
    await own.remove();
    expect(await own.isSet()).toBe(false);
  });

  it('is not set while an ephemeral has its path, which would open it with the end of its session', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const barrier = new Barrier(keeper, path);
    await other.create().creatingParents().withMode('EPHEMERAL').forPath(path, 'theirs');
    await expect(barrier.set()).rejects.toMatchObject({
      code: 'ZK_ZNODE_OWNER',
      path,
      ownerSessionId: other.sessionId,
    });
    await other.delete().forPath(path);
    await barrier.set();
    await barrier.set();
    expect(await barrier.isSet()).toBe(true);
  });

  it('is set when a znode with other data is deleted at the moment of the look', async () => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const path = freshLine();
    await other.create().creatingParents().forPath(path, 'theirs');
    // The create has found other data, and the barrier looks whose znode it is.
    const looking = proxy.loseRequestOnce({ op: OpCode.exists });
    const setting = new Barrier(keeper, path).set();
    await looking;
    await other.delete().forPath(path);
    await setting;
    expect(String(await other.getData().forPath(path))).not.toBe('theirs');
  });

  it('lets through who comes while it is not set', async () => {
    const { keeper, proxy } = await on.proxied();
    const barrier = new Barrier(keeper, freshLine());
    expect(await requestsDuring(proxy, () => barrier.wait())).toEqual({ exists: 1 });
    await untilWatchCount(on.server, 0);
  });

  it('holds up all who come, and lets them go together, with two requests each', async () => {
    const { keeper, proxy } = await on.proxied();
    const others = [await on.keeper(), await on.keeper()];
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const sent = await requestsDuring(proxy, async () => {
      const waits = [keeper, ...others].map((one) => new Barrier(one, barrier.path).wait());
      await untilWatchCount(on.server, 3);
      expect(await isSettled(Promise.race(waits))).toBe(false);
      await new Barrier(others[0] as Keeper, barrier.path).remove();
      await Promise.all(waits);
    });
    expect(sent).toEqual({ exists: 1, getData: 1 });
    await untilWatchCount(on.server, 0);
  });

  it('is no shorter for a change of its data', async () => {
    const keeper = await on.keeper();
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const waiting = barrier.wait();
    for (let change = 0; change < 3; change++) {
      await untilWatched(on.server, barrier.path);
      await keeper.setData().forPath(barrier.path, `${change}`);
    }
    await untilWatched(on.server, barrier.path);
    expect(await isSettled(waiting)).toBe(false);
    await barrier.remove();
    await waiting;
  });

  describe('row 1 and 2: lost', () => {
    it.each([
      ['reply', 'create'],
      ['request', 'create'],
      ['reply', 'createContainer'],
      ['request', 'createContainer'],
      ['reply', 'delete'],
      ['request', 'delete'],
      ['reply', 'exists'],
      ['reply', 'getData'],
      ['request', 'getData'],
    ] as const)('%s of a %s', async (what, op) => {
      const { keeper, proxy } = await on.proxied();
      const barrier = new Barrier(keeper, `${freshLine()}/deep`);
      const fault = what === 'reply' ? proxy.loseReplyOnce({ op: wire[op] }) : proxy.loseRequestOnce({ op: wire[op] });
      await barrier.set();
      const waiting = barrier.wait();
      await untilWatched(on.server, barrier.path);
      expect(await isSettled(waiting)).toBe(false);
      await barrier.remove();
      await fault;
      await waiting;
      expect(await keeper.exists().forPath(barrier.path)).toBeNull();
      await untilUnwatched(on.server, barrier.path);
      expect(on.errors).toEqual([]);
    });
  });

  it('row 3: a session that expires while it waits costs nothing', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const waiting = barrier.wait();
    for (let round = 0; round < 3; round++) {
      await untilWatched(on.server, barrier.path);
      const back = untilState(keeper, 'RECONNECTED');
      await expire(keeper, on.server);
      await back;
    }
    await untilWatched(on.server, barrier.path);
    expect(await isSettled(waiting)).toBe(false);
    await new Barrier(other, barrier.path).remove();
    await waiting;
    expect(on.errors).toEqual([]);
  });

  it.each(['connection', 'session'])(
    'has been open if it was removed and set again while there was no %s',
    async (what) => {
      const { keeper, proxy } = await on.proxied();
      const other = new Barrier(await on.keeper(), freshLine());
      await other.set();
      const waiting = new Barrier(keeper, other.path).wait();
      await untilWatched(on.server, other.path);
      proxy.refuse();
      proxy.cut();
      if (what === 'session') await expire(keeper, on.server);
      await other.remove();
      await other.set();
      expect(await isSettled(waiting)).toBe(false);
      await proxy.accept();
      await waiting;
      await untilUnwatched(on.server, other.path);
    },
  );

  it('row 7: who gives up leaves no watch, and lets the others wait', async () => {
    const { keeper, proxy } = await on.proxied();
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const controller = new AbortController();
    const leaving = barrier.wait({ signal: controller.signal });
    const staying = barrier.wait();
    await untilWatchCount(on.server, 1);
    controller.abort('enough');
    await expect(leaving).rejects.toBe('enough');
    await expect(barrier.wait({ signal: controller.signal })).rejects.toBe('enough');
    await barrier.remove();
    await staying;
    await barrier.set();
    await expect(barrier.wait({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' });
    await untilWatchCount(on.server, 0);
    const again = await requestsDuring(proxy, async () => {
      proxy.cut();
      await keeper.sync().forPath('/');
    });
    expect(again).toEqual({ sync: 1 });
  });

  it('gives up at once while there is no connection', async () => {
    const { keeper, proxy } = await on.proxied();
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = barrier.wait({ signal });
    await untilWatched(on.server, barrier.path);
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    const calls = [waiting, barrier.wait({ signal })];
    expect(await Promise.all(calls.map(isSettled))).toEqual([false, false]);
    controller.abort('enough');
    expect(await Promise.all(calls.map(isSettled))).toEqual([true, true]);
    for (const call of calls) await expect(call).rejects.toBe('enough');
    await proxy.accept();
  });

  it('row 12: ends with the keeper', async () => {
    const keeper = await on.keeper();
    const barrier = new Barrier(keeper, freshLine());
    await barrier.set();
    const waiting = barrier.wait();
    await untilWatched(on.server, barrier.path);
    const failed = expect(waiting).rejects.toThrow(ClosedError);
    await keeper.close();
    await failed;
    await expect(barrier.wait()).rejects.toThrow(ClosedError);
  });

  it('takes only what it knows', async () => {
    const keeper = await on.keeper();
    expect(() => new Barrier(keeper, 'relative')).toThrow(/path/);
    expect(() => new Barrier(null as unknown as Keeper, '/x')).toThrow('Expected `keeper` to be a Keeper');
    await expect(new Barrier(keeper, '/x').wait({ sginal: null } as object)).rejects.toThrow('Unknown option `sginal`');
  });

  it('is one barrier by whichever namespace its path is cut', async () => {
    const keeper = await on.keeper();
    const [, name] = freshLine().split('/') as [string, string];
    const [whole, cut] = [
      new Barrier(keeper, `/${name}/barrier`),
      new Barrier(keeper.usingNamespace(name), '/barrier'),
    ];
    await cut.set();
    const waiting = whole.wait();
    await untilWatched(on.server, whole.path);
    await cut.remove();
    await waiting;
  });

  it('S17: set and removed over and over, and cut off at times, it loses no wake-up of ten waiters', {
    timeout: 120_000,
  }, async () => {
    const proxied = await Promise.all(Array.from({ length: 10 }, () => on.proxied()));
    const keeper = await on.keeper();
    const barrier = new Barrier(keeper, freshLine());
    let slowestMs = 0;
    for (let round = 1; round <= times(200, 1_000); round++) {
      await barrier.set();
      const passed: number[] = [];
      const waits = proxied.map(({ keeper: one }) => {
        // What is certain is only what a client has seen itself.
        const wait = one
          .sync()
          .forPath('/')
          .then(() => new Barrier(one, barrier.path).wait());
        return wait.then(() => passed.push(performance.now()));
      });
      if (round % 2 === 0) await untilWatchCount(on.server, 10);
      if (round % 5 === 0) for (const { proxy } of proxied.slice(0, 5)) proxy.cut();
      await barrier.remove();
      const removedMs = performance.now();
      if (round % 3 === 0) await barrier.set();
      if (round % 3 === 0 && round % 2 !== 0) await barrier.remove();
      await Promise.all(waits);
      slowestMs = Math.max(slowestMs, ...passed.map((atMs) => atMs - removedMs));
      await barrier.remove();
    }
    console.log(`slowest wake-up: ${Math.round(slowestMs)} ms`);
    expect(slowestMs).toBeLessThan(1_000);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });
});
