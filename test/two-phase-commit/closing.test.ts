import { ClosedError, ConnectionLossError, type Keeper, openAclUnsafe, Perms, SelfWaitError } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant, type ParticipantHandlers } from '@zk-recipes/two-phase-commit';
import { describe, expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { stage, untilState } from '../stage/stage.js';

/** Everything but to create and to delete children. */
const withoutDelete = openAclUnsafe.map((acl) => ({ ...acl, perms: Perms.READ | Perms.WRITE | Perms.ADMIN }));

/** A promise, and what resolves it. */
function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve = (_value: T): void => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const agreeing: ParticipantHandlers<string> = { prepare: () => 'commit', commit: () => {}, abort: () => {} };
const transaction = { payload: 'x', participants: ['ledger'], timeoutMs: 60_000 };

describeOnSharedServer('Closing of two-phase commit', () => {
  const scene = stage();

  async function participant(
    keeper: Keeper,
    path: string,
    handlers: Partial<ParticipantHandlers<string>>,
  ): Promise<Participant<string>> {
    const made = new Participant<string>(keeper, path, 'ledger', { ...agreeing, ...handlers });
    await made.start();
    return made;
  }

  async function coordinator(path: string): Promise<Coordinator<string>> {
    const made = new Coordinator<string>(await scene.keeper(), path);
    scene.afterwards(() => made.close());
    return made;
  }

  const line = (path: string): string => `${path}/participants/ledger/line`;

  /** A coordinator, and a keeper that looks at its znodes. */
  async function observed(): Promise<{ path: string; observer: Keeper }> {
    return { path: freshPath('tx'), observer: await scene.keeper() };
  }

  describe('of a participant', () => {
    it('waits for a handler without limit, and keeps the place until the handler has ended', async () => {
      const { path, observer } = await observed();
      const [begun, ended] = [deferred<AbortSignal>(), deferred<'commit'>()];
      const prepare: ParticipantHandlers<string>['prepare'] = ({ signal }) => {
        begun.resolve(signal);
        return ended.promise;
      };
      const made = await participant(await scene.keeper(), path, { prepare });
      const running = (await coordinator(path)).run(transaction);
      running.catch(() => {});
      const signal = await begun.promise;
      const closed = made.close({ timeoutMs: 0 });
      expect(signal.reason).toBeInstanceOf(ClosedError);
      expect(await namesIn(observer, line(path))).toHaveLength(1);
      expect(await isSettled(closed)).toBe(false);
      ended.resolve('commit');
      await closed;
      await untilEmpty(observer, line(path));
    });

    it('ends within its limit after the handler when the servers are silent, and tells what is left', async () => {
      const { path } = await observed();
      const [begun, ended] = [deferred<void>(), deferred<'commit'>()];
      const { keeper, proxy } = await scene.proxied();
      const prepare = (): Promise<'commit'> => {
        begun.resolve();
        return ended.promise;
      };
      const made = await participant(keeper, path, { prepare });
      const running = (await coordinator(path)).run(transaction);
      running.catch(() => {});
      await begun.promise;
      proxy.blackhole();
      const closed = made.close({ timeoutMs: 100 });
      ended.resolve('commit');
      const endedMs = performance.now();
      await closed;
      expect(performance.now() - endedMs).toBeLessThan(1_000);
      expect(scene.errors).toMatchObject([{ operation: 'left behind', path: line(path) }]);
    });

    it.each(['prepare', 'commit', 'abort'] as const)(
      'is refused inside of %s, which it would wait for',
      async (name) => {
        const { path, observer } = await observed();
        const refused = deferred<unknown>();
        const closing = async (): Promise<void> => {
          refused.resolve(await made.close().catch((error: unknown) => error));
        };
        const handlers: Partial<ParticipantHandlers<string>> = {
          prepare: async () => {
            if (name === 'prepare') await closing();
            return name === 'abort' ? 'abort' : 'commit';
          },
          ...(name === 'prepare' ? {} : { [name]: closing }),
        };
        const made = await participant(await scene.keeper(), path, handlers);
        const running = (await coordinator(path)).run(transaction);
        running.catch(() => {});
        expect(await refused.promise).toBeInstanceOf(SelfWaitError);
        await made.close();
        await untilEmpty(observer, line(path));
        await expect(made.start()).rejects.toBeInstanceOf(ClosedError);
      },
    );

    it('tries again after a refusal, and removes the place as soon as that is permitted', async () => {
      const { path, observer } = await observed();
      const made = await participant(await scene.keeper(), path, {});
      await observer.setAcl().withAcl(withoutDelete).forPath(line(path));
      await made.close();
      await made.close();
      expect(scene.errors).toMatchObject(Array(2).fill({ operation: 'left behind' }));
      expect(scene.errors.map((error) => error.path)).toEqual(Array(2).fill(expect.stringContaining(line(path))));
      expect(await namesIn(observer, line(path))).toHaveLength(1);
      await observer.setAcl().withAcl(openAclUnsafe).forPath(line(path));
      await untilEmpty(observer, line(path));
    });
  });

  describe('of a coordinator', () => {
    it('does not wait for a handler of a participant in its transaction, and so may be awaited there', async () => {
      const { path, observer } = await observed();
      const closed = deferred<void>();
      const one = await coordinator(path);
      const prepare = async (): Promise<'commit'> => {
        await one.close();
        closed.resolve();
        return 'commit';
      };
      const made = await participant(await scene.keeper(), path, { prepare });
      scene.afterwards(() => made.close());
      await expect(one.run(transaction)).rejects.toBeInstanceOf(ClosedError);
      await closed.promise;
      await untilEmpty(observer, `${path}/coordinators`);
    });

    it('aborts what it runs before it resolves', async () => {
      const { path, observer } = await observed();
      const one = await coordinator(path);
      const running = one.run(transaction);
      running.catch(() => {});
      const [id] = await untilNames(observer, `${path}/transactions`, 1);
      await one.close();
      await expect(running).rejects.toBeInstanceOf(ClosedError);
      const decision = await observer.getData().forPath(`${path}/transactions/${id}/decision`);
      expect(JSON.parse(String(decision))).toMatchObject({ decision: 'aborted' });
      expect(scene.errors).toEqual([]);
    });

    it('waits within its limit for the decision on what a caller gave up', async () => {
      const { path, observer } = await observed();
      const { keeper, proxy } = await scene.proxied();
      const one = new Coordinator<string>(keeper, path);
      await one.recover();
      // The transaction is begun, but the coordinator does not hear of it before the caller gives up.
      for (const parent of ['transactions', 'participants/ledger/inbox']) {
        await observer.create().creatingParents().forPath(`${path}/${parent}`);
      }
      proxy.blackhole({ direction: 'to-client' });
      const caller = new AbortController();
      const running = one.run({ ...transaction, signal: caller.signal });
      running.catch(() => {});
      const [id] = await untilNames(observer, `${path}/transactions`, 1);
      caller.abort(new Error('no longer wanted'));
      await expect(running).rejects.toBe(caller.signal.reason);
      const closed = one.close({ timeoutMs: 20_000 });
      expect(await isSettled(closed)).toBe(false);
      proxy.heal();
      await closed;
      const decision = await observer.getData().forPath(`${path}/transactions/${id}/decision`);
      expect(JSON.parse(String(decision))).toMatchObject({ decision: 'aborted' });
      expect(await namesIn(observer, `${path}/coordinators`)).toEqual([]);
      expect(scene.errors).toEqual([]);
    });

    it('tells of a transaction that it could not decide, and leaves it to recovery', async () => {
      const { path, observer } = await observed();
      const { keeper, proxy } = await scene.proxied();
      const one = new Coordinator<string>(keeper, path);
      const running = one.run(transaction);
      running.catch(() => {});
      const [id] = await untilNames(observer, `${path}/transactions`, 1);
      proxy.blackhole();
      await one.close({ timeoutMs: 400 });
      await expect(running).rejects.toBeInstanceOf(ClosedError);
      const left = [`${path}/coordinators`, `${path}/transactions/${id}`];
      await until(() => (scene.errors.length === left.length ? true : undefined), { what: 'what is left' });
      for (const place of left) {
        const told = { operation: 'left behind', path: expect.stringContaining(place) };
        expect(scene.errors).toContainEqual(expect.objectContaining(told));
      }
      // What was sent is lost.
      proxy.cut();
      proxy.heal();
      await untilEmpty(observer, `${path}/coordinators`);
      expect((await (await coordinator(path)).recover()).aborted).toEqual([id]);
    });

    it('ends calls that wait for a connection', async () => {
      const { path } = await observed();
      const { keeper, proxy } = await scene.proxied();
      const one = new Coordinator<string>(keeper, path);
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      const call = { operator: 'ada', reason: 'no reason' };
      const calls = [
        one.run(transaction),
        one.recover(),
        one.pending(),
        one.force('none', { decision: 'aborted', ...call }),
        one.forget('none', 'ledger', call),
      ];
      const results = Promise.allSettled(calls);
      await one.close();
      expect(await results).toEqual(calls.map(() => ({ status: 'rejected', reason: expect.any(ClosedError) })));
      expect(scene.errors).toEqual([]);
    });

    it('takes no part any more in a session that begins later', async () => {
      const { path, observer } = await observed();
      const { keeper, proxy } = await scene.proxied();
      const one = new Coordinator<string>(keeper, path);
      await one.recover();
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      await one.close();
      proxy.forgetSessions();
      const back = untilState(keeper, 'RECONNECTED');
      await proxy.accept();
      await back;
      await keeper.sync().forPath('/');
      await untilEmpty(observer, `${path}/coordinators`);
    });

    it('tries again after a refusal', async () => {
      const { path, observer } = await observed();
      const one = await coordinator(path);
      await one.recover();
      await observer.setAcl().withAcl(withoutDelete).forPath(`${path}/coordinators`);
      await one.close();
      await one.close();
      expect(scene.errors).toMatchObject(Array(2).fill({ operation: 'left behind' }));
      await observer.setAcl().withAcl(openAclUnsafe).forPath(`${path}/coordinators`);
      await one.close();
      expect(await namesIn(observer, `${path}/coordinators`)).toEqual([]);
      expect(scene.errors).toHaveLength(2);
    });
  });

  it("rejects a call of run with the caller's reason while there is no connection to begin with", async () => {
    const { path } = await observed();
    const { keeper, proxy } = await scene.proxied();
    const one = new Coordinator<string>(keeper, path);
    scene.afterwards(() => one.close());
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    const caller = new AbortController();
    const running = one.run({ ...transaction, signal: caller.signal });
    caller.abort(new Error('no longer wanted'));
    await expect(running).rejects.toBe(caller.signal.reason);
  });

  it.each(['answers', 'is silent'])('of the keeper ends many runs within a second when the server %s', async (how) => {
    const { path, observer } = await observed();
    const { keeper, proxy } = await scene.proxied();
    const one = new Coordinator<string>(keeper, path);
    const runs = Array.from({ length: 100 }, () => one.run(transaction));
    const results = Promise.allSettled(runs);
    const ids = await untilNames(observer, `${path}/transactions`, runs.length);
    if (how === 'is silent') proxy.blackhole();
    const beganMs = performance.now();
    const closed = keeper.close();
    const reasons = (await results).map((result) => (result.status === 'rejected' ? result.reason : result));
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    await closed;
    const named = ids.map((id) => `${path}/transactions/${id}`);
    for (const reason of reasons) {
      if (reason instanceof ClosedError) continue;
      expect(reason).toBeInstanceOf(ConnectionLossError);
      expect(reason.outcome).toBe('unknown');
      expect(named).toContain(reason.path);
    }
  });

  it('is followed by a pause each time that a handler fails at once', async () => {
    const { path } = await observed();
    const calledMs: number[] = [];
    const enough = deferred<void>();
    const commit = (): void => {
      calledMs.push(performance.now());
      if (calledMs.length < 4) throw new Error('not yet');
      enough.resolve();
    };
    const made = await participant(await scene.keeper(), path, { commit });
    scene.afterwards(() => made.close());
    await (await coordinator(path)).run(transaction);
    await enough.promise;
    // 50, 100 and 200 ms at least; timers may be early by a millisecond each.
    expect((calledMs[3] as number) - (calledMs[0] as number)).toBeGreaterThanOrEqual(345);
  });

  it('takes a place again only after a pause when that is lost again and again', async () => {
    const { path, observer } = await observed();
    const made = await participant(await scene.keeper(), path, {});
    scene.afterwards(() => made.close());
    const lostMs: number[] = [];
    for (const last of ['', '', '', '']) {
      const [name] = await untilNames(observer, line(path), 1);
      expect(name).not.toBe(last);
      await until(() => (made.isActive ? true : undefined), { what: 'the participant to be active', everyMs: 1 });
      lostMs.push(performance.now());
      await observer.delete().forPath(`${line(path)}/${name}`);
    }
    expect((lostMs[3] as number) - (lostMs[0] as number)).toBeGreaterThanOrEqual(345);
  });
});
