import { type Keeper, NoAuthError, Perms } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector, type Tenure } from '@zk-recipes/leader-election';
import { Mutex } from '@zk-recipes/locks';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { untilEmpty } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, znodesOf } from '../stage/lock-contestants.js';
import { freshLine, stage } from '../stage/stage.js';

/** Has the server refuse that anything is deleted from directories, or permits it again. */
async function permitDeletes(keeper: Keeper, directories: readonly string[], isPermitted: boolean): Promise<void> {
  const perms = isPermitted ? Perms.ALL : Perms.ALL - Perms.DELETE;
  const acl = [{ perms, id: { scheme: 'world', id: 'anyone' } }];
  await Promise.all(directories.map((directory) => keeper.setAcl().withAcl(acl).forPath(directory)));
}

describeOnSharedServer('a delete that the server refuses', () => {
  const on = stage();

  const toldPaths = (): string[] =>
    on.errors.flatMap(({ operation, path, error }) => {
      expect([operation, error]).toEqual(['left behind', expect.any(NoAuthError)]);
      return path ?? [];
    });

  it.each(lockKinds)(
    '%s: makes release reject, and succeeds by the next release once it is permitted',
    async (kind) => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const path = freshLine();
      const directories = directoriesOf(kind, path);
      const hold = await lockContestant(kind, keeper, path).acquire();
      const znodes = await znodesOf(kind, observer, path);
      await permitDeletes(observer, directories, false);
      await expect(hold.release()).rejects.toThrow(NoAuthError);
      await expect(hold.release()).rejects.toThrow(NoAuthError);
      expect(hold.state).toBe('released');
      await hold[Symbol.asyncDispose]();
      expect(toldPaths()).toEqual(expect.arrayContaining(znodes));
      await permitDeletes(observer, directories, true);
      await hold.release();
      expect(await znodesOf(kind, observer, path)).toEqual([]);
      await hold.release();
    },
  );

  it.each(lockKinds)('%s: succeeds in the background once it is permitted, with no further call', async (kind) => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const directories = directoriesOf(kind, path);
    const hold = await lockContestant(kind, keeper, path).acquire();
    const znodes = await znodesOf(kind, observer, path);
    await permitDeletes(observer, directories, false);
    await expect(hold.release()).rejects.toThrow(NoAuthError);
    // Of several, the first refusal is the answer.
    await until(() => toldPaths().length >= znodes.length || undefined, { what: 'all refusals to be told' });
    expect(toldPaths().sort()).toEqual(znodes.toSorted());
    await permitDeletes(observer, directories, true);
    for (const directory of directories) await untilEmpty(observer, directory);
    // The next one is not kept waiting.
    await (await lockContestant(kind, observer, path).acquire()).release();
  });

  it.each(lockKinds)('%s: does not change what run resolves with', async (kind) => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const directories = directoriesOf(kind, path);
    const result = await lockContestant(kind, keeper, path).run(async () => {
      await permitDeletes(observer, directories, false);
      return 'done';
    });
    expect(result).toBe('done');
    const failure = new Error('of the function');
    await permitDeletes(observer, directories, true);
    await expect(
      lockContestant(kind, keeper, path).run(async () => {
        await permitDeletes(observer, directories, false);
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(toldPaths().length).toBeGreaterThanOrEqual(2);
    await permitDeletes(observer, directories, true);
    for (const directory of directories) await untilEmpty(observer, directory);
  });

  it('is tried by one call in the background, however often release is called', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const path = freshLine();
    const hold = await new Mutex(keeper, path).acquire();
    await permitDeletes(observer, [path], false);
    for (let call = 0; call < 50; call++) await expect(hold.release()).rejects.toThrow(NoAuthError);
    // The pauses of one call grow: 100 ms and more, 200, 400. Fifty calls have no such pauses between them.
    await proxy.untilRequest(OpCode.delete);
    const beganMs = performance.now();
    for (let attempt = 0; attempt < 3; attempt++) await proxy.untilRequest(OpCode.delete);
    expect(performance.now() - beganMs).toBeGreaterThan(600);
    await permitDeletes(observer, [path], true);
    await untilEmpty(observer, path);
  });

  it('lets close of a LeaderLatch resolve, and another candidate leads once it is permitted', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const [latch, next] = [new LeaderLatch(keeper, path), new LeaderLatch(observer, path)];
    await latch.start();
    const { path: znode } = await latch.awaitLeadership();
    await next.start();
    await permitDeletes(observer, [path], false);
    await latch.close();
    await latch.close();
    expect(toldPaths()).toEqual([znode]);
    expect(next.isLeader).toBe(false);
    await permitDeletes(observer, [path], true);
    await next.awaitLeadership();
    await next.close();
    await untilEmpty(observer, path);
  });

  it('lets close of a LeaderSelector resolve, and another candidate leads once it is permitted', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    let begin = (_: Tenure): void => {};
    const begun = new Promise<Tenure>((resolve) => {
      begin = resolve;
    });
    const selector = new LeaderSelector(keeper, path, async (tenure) => {
      begin(tenure);
      await new Promise((resolve) => tenure.signal.addEventListener('abort', resolve));
    });
    selector.start();
    const { path: znode } = await begun;
    const elected = new Promise<void>((resolve) => new LeaderSelector(observer, path, () => resolve()).start());
    await permitDeletes(observer, [path], false);
    await selector.close();
    expect(toldPaths()).toEqual([znode]);
    await permitDeletes(observer, [path], true);
    await elected;
    await untilEmpty(observer, path);
  });

  it('does not keep the closing of a Keeper waiting, whose session takes the znode along', async () => {
    const [keeper, observer] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const hold = await new Mutex(keeper, path).acquire();
    await permitDeletes(observer, [path], false);
    await expect(hold.release()).rejects.toThrow(NoAuthError);
    const beganMs = performance.now();
    await keeper.close();
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect(toldPaths()).toEqual([hold.path]);
    await untilEmpty(observer, path);
  });

  it('is told again when the Keeper is closed, whose newest session does not take the znode along', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 4_000 });
    const observer = await on.keeper();
    const path = freshLine();
    const hold = await new Mutex(keeper, path).acquire();
    await permitDeletes(observer, [path], false);
    await expect(hold.release()).rejects.toThrow(NoAuthError);
    proxy.forgetSessions();
    proxy.cut();
    await until(() => keeper.sessionEpoch > 1 || undefined, { what: 'the next session' });
    await keeper.close();
    expect(on.errors).toContainEqual({
      error: new Error('the keeper was closed before it was done'),
      operation: 'left behind',
      path: hold.path,
    });
    await untilEmpty(observer, path, 20_000);
  });
});
