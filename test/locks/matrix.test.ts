import { type Keeper, NotHeldError } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival, znodesOf } from '../stage/lock-contestants.js';
import { LockRecord } from '../stage/lock-record.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';

/** For tests that wait until a session expires. */
const brief = { sessionTimeoutMs: 1_000 };

describeOnOwnServers.each(lockKinds)('%s through what may happen', (kind) => {
  const server = ownServer({ tickTimeMs: 250, systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  /** Directories in which those stand who wait. */
  const linesOf = (path: string) => directoriesOf(kind, path).slice(0, kind === 'Semaphore' ? 1 : undefined);

  /** Resolves when so many stand in each line, those who hold included where they stand there. */
  async function untilInLine(keeper: Keeper, path: string, waiting: number): Promise<void> {
    for (const line of linesOf(path)) await untilNames(keeper, line, kind === 'Semaphore' ? waiting - 1 : waiting);
  }

  async function expectNothingLeft(keeper: Keeper, path: string): Promise<void> {
    for (const directory of directoriesOf(kind, path)) await untilEmpty(keeper, directory);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  }

  it('row 3: the session of a waiter expires: it stands in line again, once', async () => {
    const [first, keeper] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const record = new LockRecord();
    const held = await record.acquire(lockRival(kind, first, path));
    const waiting = record.acquire(lockContestant(kind, keeper, path));
    for (let round = 0; round < 5; round++) {
      await untilInLine(first, path, 2);
      const { sessionId } = keeper;
      await expire(keeper, on.server);
      await until(() => (keeper.sessionId === sessionId ? undefined : true), { what: 'a new session' });
    }
    await untilInLine(first, path, 2);
    expect(await isSettled(waiting)).toBe(false);
    await held.release();
    await (await waiting).release();
    await expectNothingLeft(first, path);
    record.expectSafe({ atLeast: 2 });
  });

  it('row 4: the session of the holder expires: it knows before the next is granted it', async () => {
    const [{ keeper, proxy }, other] = [await on.proxied(brief), await on.keeper()];
    const path = freshLine();
    const record = new LockRecord();
    for (let round = 0; round < 3; round++) {
      const held = await record.acquire(lockContestant(kind, keeper, path));
      const waiting = record.acquire(lockRival(kind, other, path));
      await untilInLine(other, path, 2);
      proxy.blackhole();
      const next = await waiting;
      expect(held.signal.reason).toMatchObject({ reason: 'validity' });
      expect([held.state, held.validForMs()]).toEqual(['lost', 0]);
      await held.release();
      proxy.heal();
      await next.release();
    }
    record.expectSafe({ atLeast: 6 });
    await expectNothingLeft(other, path);
  });

  it.each([0.5, 1, 2])('row 5: the event loop is blocked for %f of the session timeout', async (share) => {
    const keeper = await on.keeper(brief);
    const hold = await lockContestant(kind, keeper, freshLine()).acquire();
    const { signal } = hold;
    // The clock runs since the last request that was answered.
    await keeper.exists().forPath('/');
    const untilMs = performance.now() + share * keeper.sessionTimeoutMs;
    while (performance.now() < untilMs);
    // No turn of the event loop since: nothing but the clock can know.
    if (share < 1) {
      expect([signal.aborted, hold.state]).toEqual([false, 'held']);
      return;
    }
    expect([signal.aborted, hold.state, hold.validForMs()]).toEqual([true, 'lost', 0]);
    expect(() => hold.guard()).toThrow(NotHeldError);
  });

  it.each(['releases', 'gives up', 'crashes'])('row 6: the one ahead %s: who is next proceeds', async (how) => {
    const [first, middle, last] = [await on.keeper(), await on.keeper(), await on.keeper()];
    const path = freshLine();
    const held = await lockRival(kind, first, path).acquire();
    const controller = new AbortController();
    const ahead = lockRival(kind, middle, path).acquire({ signal: controller.signal });
    ahead.catch(() => {});
    await untilInLine(last, path, 2);
    const waiting = lockContestant(kind, last, path).acquire();
    await untilInLine(last, path, 3);
    if (how === 'releases') await held.release().then(async () => await (await ahead).release());
    else {
      if (how === 'gives up') controller.abort('gives up');
      else await middle.close();
      await expect(ahead).rejects.toBeDefined();
      await untilInLine(last, path, 2);
      expect(await isSettled(waiting)).toBe(false);
      await held.release();
    }
    await (await waiting).release();
    await expectNothingLeft(last, path);
  });

  it('row 8: its path is removed while it is held and waited for: lost, and stood for anew', async () => {
    const [first, second, observer] = [await on.keeper(), await on.keeper(), await on.keeper()];
    const path = `${freshLine()}/deep/lock`;
    for (let round = 0; round < 3; round++) {
      const held = await lockRival(kind, first, path).acquire();
      const waiting = lockContestant(kind, second, path).acquire();
      await untilInLine(observer, path, 2);
      for (const znode of await znodesOf(kind, observer, path)) await observer.delete().quietly().forPath(znode);
      expect(await untilAborted(held.signal)).toMatchObject({ reason: 'deleted' });
      await held.release();
      await (await waiting).release();
      // Nobody stands there any more: the server reaps the path.
      await until(async () => ((await observer.exists().forPath(path)) === null ? true : undefined), {
        what: 'the reaper',
      });
    }
  });

  it('row 9: foreign children: one with the name of a place blocks, as with Curator, others do not', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const blocking = `${kind.startsWith('rw') ? '__WRIT__' : 'lock-'}0000000000`;
    const passed = ['zfoo', '_foo', '0foo', '0', '-1'];
    for (const line of linesOf(path)) {
      for (const name of passed) await observer.create().creatingParents().forPath(`${line}/${name}`);
    }
    await (await lockContestant(kind, keeper, path).acquire()).release();
    for (const line of linesOf(path)) await observer.create().forPath(`${line}/${blocking}`, Buffer.from([0xff]));
    expect(await lockContestant(kind, keeper, path).tryAcquire({ timeoutMs: 20 })).toBeNull();
    const waiting = lockContestant(kind, keeper, path).acquire();
    for (const line of linesOf(path)) await untilNames(observer, line, passed.length + 2);
    expect(await isSettled(waiting)).toBe(false);
    for (const line of linesOf(path)) await observer.delete().forPath(`${line}/${blocking}`);
    await (await waiting).release();
  });
});
