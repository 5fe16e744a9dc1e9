import { setTimeout as delay } from 'node:timers/promises';
import { Mutex, ReadWriteLock, RevocationRequestedError } from '@zk-recipes/locks';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilNames } from '../stage/lines.js';
import { untilUnwatched, untilWatched } from '../stage/server-counters.js';
import { expire, freshLine, stage, untilState } from '../stage/stage.js';

describeOnSharedServer('revoke', () => {
  const on = stage();

  it('asks the holder, who keeps the lock until it consents', async () => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire({ revocable: true });
    const revoking = new Mutex(other, mutex.path).revoke();
    const reason: unknown = await untilAborted(hold.revoked);
    expect(reason).toBeInstanceOf(RevocationRequestedError);
    expect(reason).toMatchObject({ path: hold.path });
    expect([hold.state, hold.signal.aborted, await isSettled(revoking)]).toEqual(['held', false, false]);
    expect(await new Mutex(other, mutex.path).tryAcquire()).toBeNull();
    await hold.release();
    await revoking;
    await untilUnwatched(on.server, mutex.path);
  });

  it('reaches a run, also one that has been entered again', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    for (const reentrant of [false, true]) {
      const mutex = new Mutex(keeper, freshLine(), { reentrant });
      let revoking: Promise<void> | undefined;
      await mutex.run(
        async (hold) => {
          const inner = reentrant ? await mutex.acquire() : hold;
          revoking = new Mutex(other, mutex.path).revoke();
          await Promise.all([untilAborted(hold.revoked), untilAborted(inner.revoked)]);
          await inner.release();
        },
        { revocable: true },
      );
      await revoking;
    }
  });

  it('is not heard by who did not want to; it waits for the end of the hold', async () => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire();
    const revoking = new Mutex(other, mutex.path).revoke();
    await untilWatched(on.server, hold.path);
    expect((await mutex.contenders())[0]).toMatchObject({ state: 'holding', path: hold.path });
    await hold.release();
    await revoking;
    expect(hold.revoked.aborted).toBe(false);
  });

  it('asks holders only, and nobody where nobody holds', async () => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    await mutex.revoke();
    const hold = await mutex.acquire({ revocable: true });
    const waiting = new Mutex(other, mutex.path).acquire({ revocable: true });
    await untilNames(other, mutex.path, 2);
    const revoking = mutex.revoke();
    await untilAborted(hold.revoked);
    await hold.release();
    await revoking;
    const next = await waiting;
    await untilWatched(on.server, next.path);
    expect(next.revoked.aborted).toBe(false);
    await next.release();
  });

  it('is known to who is granted the lock after it was asked of them', async () => {
    const [mutex, observer] = [new Mutex(await on.keeper(), freshLine(), { data: 'me' }), await on.keeper()];
    const held = await mutex.acquire();
    const waiting = mutex.acquire({ revocable: true });
    await untilNames(observer, mutex.path, 2);
    const path = (await mutex.contenders())[1]?.path as string;
    await observer.setData().forPath(path, '__REVOKE__');
    expect((await mutex.contenders())[1]).toMatchObject({ id: null, state: 'waiting' });
    await held.release();
    const hold = await waiting;
    await untilAborted(hold.revoked);
    await hold.release();
  });

  it('takes no other data for the wish', async () => {
    const [mutex, observer] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire({ revocable: true });
    await untilWatched(on.server, hold.path);
    for (const data of ['', '__REVOKE_', '__REVOKE__!', 'me']) {
      await observer.setData().forPath(hold.path, data);
      await untilWatched(on.server, hold.path);
    }
    expect(hold.revoked.aborted).toBe(false);
    await observer.setData().forPath(hold.path, '__REVOKE__');
    await untilAborted(hold.revoked);
    await hold.release();
  });

  it('gives up by its signal, and leaves what was asked', async () => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire({ revocable: true });
    const controller = new AbortController();
    const revoking = new Mutex(other, mutex.path).revoke({ signal: controller.signal });
    await untilAborted(hold.revoked);
    controller.abort('enough');
    await expect(revoking).rejects.toBe('enough');
    expect(hold.state).toBe('held');
    await expect(mutex.revoke({ signal: controller.signal })).rejects.toBe('enough');
    await hold.release();
    await untilUnwatched(on.server, mutex.path);
  });

  it.each([0, 50])('deletes the znode of who has not let go after %d ms', async (forceAfterMs) => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire();
    const next = new Mutex(other, mutex.path).acquire();
    await untilNames(other, mutex.path, 2);
    await new Mutex(other, mutex.path).revoke({ forceAfterMs });
    expect(await untilAborted(hold.signal)).toMatchObject({ reason: 'deleted' });
    expect((await next).fencingToken).toBeGreaterThan(hold.fencingToken);
    await (await next).release();
    await hold.release();
    expect(await namesIn(other, mutex.path)).toEqual([]);
  });

  it('gives the holder its time from when it can know, however long the wish is under way', async () => {
    const [mutex, { keeper, proxy }] = [new Mutex(await on.keeper(), freshLine()), await on.proxied()];
    const hold = await mutex.acquire({ revocable: true });
    await untilWatched(on.server, hold.path);
    const forceAfterMs = 300;
    const asking = proxy.untilRequest(OpCode.setData);
    void proxy.untilRequest(OpCode.getChildren2).then(() => proxy.blackhole({ direction: 'to-server' }));
    const revoking = new Mutex(keeper, mutex.path).revoke({ forceAfterMs });
    await asking;
    await delay(forceAfterMs + 100);
    expect([hold.revoked.aborted, hold.state]).toEqual([false, 'held']);
    proxy.heal();
    await untilAborted(hold.revoked);
    const revokedAtMs = performance.now();
    expect(await untilAborted(hold.signal)).toMatchObject({ reason: 'deleted' });
    // What goes to the revoker and what to the holder may cross.
    expect(performance.now() - revokedAtMs).toBeGreaterThan(forceAfterMs - 100);
    await revoking;
    await hold.release();
  });

  it('goes on when the session of the revoker expires', async () => {
    const [observer, keeper] = [await on.keeper(), await on.keeper()];
    const mutex = new Mutex(keeper, freshLine());
    const holder = await observer
      .create()
      .creatingParents()
      .withMode('EPHEMERAL_SEQUENTIAL')
      .forPath(`${mutex.path}/lock-`);
    const revoking = mutex.revoke();
    await untilWatched(on.server, holder);
    const renewed = untilState(keeper, 'RECONNECTED');
    await expire(keeper, on.server);
    await renewed;
    await untilWatched(on.server, holder);
    expect(await isSettled(revoking)).toBe(false);
    await observer.delete().forPath(holder);
    await revoking;
  });

  it('does not force who lets go in time', async () => {
    const [mutex, other] = [new Mutex(await on.keeper(), freshLine()), await on.keeper()];
    const hold = await mutex.acquire({ revocable: true });
    const revoking = new Mutex(other, mutex.path).revoke({ forceAfterMs: 20_000 });
    await untilAborted(hold.revoked);
    await hold.release();
    await revoking;
    expect(hold.state).toBe('released');
  });

  it('resolves when the session of the holder ends', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const mutex = new Mutex(keeper, freshLine());
    const hold = await mutex.acquire();
    const revoking = new Mutex(other, mutex.path).revoke();
    await untilWatched(on.server, hold.path);
    await expire(keeper, on.server);
    await revoking;
    await hold.release();
  });

  it('asks all readers, or the writer', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const lock = new ReadWriteLock(keeper, freshLine());
    const revoker = new ReadWriteLock(other, lock.path);
    const readers = [await lock.read.acquire({ revocable: true }), await lock.read.acquire({ revocable: true })];
    await revoker.write.revoke();
    const revoking = revoker.read.revoke();
    for (const reader of readers) {
      await untilAborted(reader.revoked);
      expect(await isSettled(revoking)).toBe(false);
      await reader.release();
    }
    await revoking;
    await lock.write.run(
      async ({ revoked }) => {
        const asked = revoker.write.revoke();
        await untilAborted(revoked);
        return { asked };
      },
      { revocable: true },
    );
  });
});
