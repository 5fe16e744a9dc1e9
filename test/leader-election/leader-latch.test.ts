import { hostname } from 'node:os';
import { ClosedError, type HoldLostError, retryNTimes } from '@zk-recipes/core';
import { AlreadyStartedError, LeaderLatch, NotStartedError, type Tenure } from '@zk-recipes/leader-election';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage, untilState } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('LeaderLatch', () => {
  const on = stage();

  it('leads when it is alone, and has znodes as Curator has them', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const latch = new LeaderLatch(keeper, path, { id: 'näme' });
    expect(latch).toMatchObject({ id: 'näme', path, state: 'latent', isLeader: false, tenure: null });
    await latch.start();
    const tenure = await latch.awaitLeadership();
    expect(latch).toMatchObject({ state: 'started', isLeader: true, tenure });
    const [name] = await namesIn(keeper, path);
    expect(name).toMatch(/^_c_[0-9a-f-]{36}-latch-0000000000$/);
    const { data, stat } = await keeper.getData().withStat().forPath(`${path}/${name}`);
    expect(data?.toString('utf8')).toBe('näme');
    expect(tenure).toMatchObject({ id: 'näme', path: `${path}/${name}`, fencingToken: stat.czxid, state: 'held' });
    expect(tenure.validForMs()).toBeGreaterThan(0);
    await latch.close();
    expect(latch).toMatchObject({ state: 'closed', isLeader: false, tenure: null });
    expect(tenure.signal.reason).toMatchObject({ reason: 'released' });
    expect(await namesIn(keeper, path)).toEqual([]);
  });

  it('is called after its host and process by default; without an id it has no data', async () => {
    const keeper = await on.keeper();
    expect(new LeaderLatch(keeper, '/x').id).toBe(`${hostname()}:${process.pid}`);
    const nameless = new LeaderLatch(keeper, freshLine(), { id: '' });
    await nameless.start();
    const { path } = await nameless.awaitLeadership();
    expect((await keeper.getData().forPath(path))?.length ?? 0).toBe(0);
    expect((await nameless.leader())?.id).toBe('');
  });

  it('checks what it is given, and names it', async () => {
    const keeper = await on.keeper();
    const make =
      (...args: readonly unknown[]) =>
      () =>
        new LeaderLatch(...(args as [typeof keeper, string]));
    expect(make({}, '/x')).toThrow(/`keeper`/);
    expect(make(keeper, 'x')).toThrow(/'\/'/);
    expect(make(keeper, '/x', { id: 7 })).toThrow(/id/);
    expect(make(keeper, '/x', { lossPolicy: 'never' })).toThrow(/lossPolicy/);
    expect(make(keeper, '/x', { name: 'a' })).toThrow(/name/);
  });

  it('starts once, and nothing can be awaited before or after', async () => {
    const latch = new LeaderLatch(await on.keeper(), freshLine());
    await expect(latch.awaitLeadership()).rejects.toThrow(NotStartedError);
    await expect(latch.tenures().next()).rejects.toThrow(NotStartedError);
    const starting = latch.start();
    await expect(latch.start()).rejects.toThrow(AlreadyStartedError);
    await starting;
    await expect(latch.start()).rejects.toThrow(AlreadyStartedError);
    await latch.close();
    await expect(latch.start()).rejects.toThrow(ClosedError);
    await expect(latch.awaitLeadership()).rejects.toThrow(ClosedError);
    expect(await latch.tenures().next()).toEqual({ done: true, value: undefined });
  });

  it('awaits leadership before, after and across its election; gives up by the signal', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const [a, b] = [new LeaderLatch(keeper, path, { id: 'a' }), new LeaderLatch(keeper, path, { id: 'b' })];
    await a.start();
    const tenure = await a.awaitLeadership();
    expect(await a.awaitLeadership()).toBe(tenure);
    await b.start();
    await expect(b.awaitLeadership({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const signal = AbortSignal.abort(new Error('never'));
    await expect(a.awaitLeadership({ signal })).rejects.toThrow('never');
    const waiting = b.awaitLeadership();
    expect(await isSettled(waiting)).toBe(false);
    await a.close();
    expect((await waiting).fencingToken).toBeGreaterThan(tenure.fencingToken);
    await b.close();
  });

  it('rejects who awaits leadership when it is closed, or its keeper', async () => {
    const [first, keeper] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const ahead = new LeaderLatch(first, path);
    await ahead.start();
    for (const close of ['latch', 'keeper'] as const) {
      const latch = new LeaderLatch(keeper, path);
      await latch.start();
      const waiting = latch.awaitLeadership();
      const iterating = latch.tenures().next();
      waiting.catch(() => {});
      await (close === 'latch' ? latch : keeper).close();
      await expect(waiting).rejects.toThrow(ClosedError);
      expect((await iterating).done).toBe(true);
    }
  });

  it('rejects who awaits leadership when it could not be started, and can be started again', async () => {
    const { keeper, proxy } = await on.proxied({
      requestTimeoutMs: 100,
      retry: retryNTimes({ retries: 0, delayMs: 0 }),
    });
    const latch = new LeaderLatch(keeper, freshLine());
    proxy.refuse();
    proxy.cut();
    await untilState(keeper, 'SUSPENDED');
    const starting = latch.start();
    const waiting = latch.awaitLeadership();
    waiting.catch(() => {});
    await expect(starting).rejects.toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
    expect(latch.state).toBe('latent');
    await expect(waiting).rejects.toThrow(NotStartedError);
    await proxy.accept();
    await untilState(keeper, 'RECONNECTED');
    await latch.start();
    await latch.awaitLeadership();
    await latch.close();
  });

  it('iterates over its tenures, each once, until it is closed', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    await latch.start();
    const tenures: Tenure[] = [];
    for await (const tenure of latch.tenures()) {
      tenures.push(tenure);
      expect(tenure.state).toBe('held');
      if (tenures.length === 4) void latch.close();
      else await keeper.delete().forPath(tenure.path);
      expect((await untilAborted(tenure.signal)).reason).toBe(tenures.length === 4 ? 'released' : 'deleted');
    }
    const tokens = tenures.map(({ fencingToken }) => fencingToken);
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => Number(a - b)));
    expect(tenures).toHaveLength(4);
  });

  it('ends an iteration with the reason of the signal', async () => {
    const latch = new LeaderLatch(await on.keeper(), freshLine());
    await latch.start();
    const controller = new AbortController();
    const tenures = latch.tenures({ signal: controller.signal });
    await tenures.next();
    const next = tenures.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await latch.close();
  });

  it('stands again when the tenure is released', async () => {
    const latch = new LeaderLatch(await on.keeper(), freshLine());
    await latch.start();
    const first = await latch.awaitLeadership();
    await first.release();
    const second = await latch.awaitLeadership();
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    await latch.close();
  });

  it('tells of leader and notLeader in turn, the signal having aborted before, with the same reason', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    const events: unknown[] = [];
    let last: Tenure | undefined;
    latch.on('leader', (tenure) => {
      last = tenure;
      events.push(['leader', tenure.signal.aborted, latch.isLeader]);
    });
    latch.on('notLeader', (reason: HoldLostError) => {
      events.push(['notLeader', last?.signal.aborted, latch.isLeader, reason === last?.signal.reason, reason.reason]);
    });
    latch.on('leader', () => {
      throw new Error('of a listener');
    });
    expect(() => latch.on('elected' as 'leader', () => {})).toThrow(/'leader' or 'notLeader'/);
    await latch.start();
    const tenure = await latch.awaitLeadership();
    await keeper.delete().forPath(tenure.path);
    await untilAborted(tenure.signal);
    await latch.awaitLeadership();
    await latch.close();
    expect(events).toEqual([
      ['leader', false, true],
      ['notLeader', true, false, true, 'deleted'],
      ['leader', false, true],
      ['notLeader', true, false, true, 'released'],
    ]);
    expect(on.errors.map(({ error }) => (error as Error).message)).toEqual(['of a listener', 'of a listener']);
  });

  it('tells nobody who has been taken off', async () => {
    const latch = new LeaderLatch(await on.keeper(), freshLine());
    const heard: Tenure[] = [];
    const listener = (tenure: Tenure) => heard.push(tenure);
    latch.on('leader', listener).off('leader', listener);
    await latch.start();
    await latch.awaitLeadership();
    await latch.close();
    expect(heard).toEqual([]);
  });

  it('stands beside another latch of the same keeper, and below a namespace', async () => {
    const keeper = await on.keeper();
    const namespaced = keeper.usingNamespace(freshLine().slice(1));
    const latches = ['a', 'b', 'c'].map((id) => new LeaderLatch(namespaced, '/election', { id }));
    for (const latch of latches) await latch.start();
    const participants = await (latches[2] as LeaderLatch).participants();
    expect(participants.map(({ id, isLeader }) => [id, isLeader])).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
    expect(participants.every(({ sessionId }) => sessionId === keeper.sessionId)).toBe(true);
    expect(await (latches[0] as LeaderLatch).leader()).toEqual(participants[0]);
    expect(participants[0]?.path).toMatch(/^\/election\/_c_/);
    expect(await namesIn(keeper, `/${namespaced.namespace}/election`)).toHaveLength(3);
    for (const latch of latches) {
      const tenure = await latch.awaitLeadership();
      expect(latches.filter(({ isLeader }) => isLeader)).toEqual([latch]);
      await tenure.guard().setData(tenure.path, 'guarded').commit();
      await latch.close();
    }
    expect(await new LeaderLatch(keeper, freshLine()).leader()).toBeNull();
    expect(await new LeaderLatch(keeper, freshLine()).participants()).toEqual([]);
  });

  it('stands through a short disconnection, unless its policy is the connection', async () => {
    const { keeper, proxy } = await on.proxied();
    const patient = new LeaderLatch(keeper, freshLine());
    const strict = new LeaderLatch(keeper, freshLine(), { lossPolicy: 'connection' });
    await Promise.all([patient.start(), strict.start()]);
    const [kept, lost] = await Promise.all([patient.awaitLeadership(), strict.awaitLeadership()]);
    proxy.cut();
    expect(await untilAborted(lost.signal)).toMatchObject({ reason: 'suspended' });
    const again = await strict.awaitLeadership();
    expect(again.fencingToken).toBeGreaterThan(lost.fencingToken);
    expect(await patient.awaitLeadership()).toBe(kept);
    await Promise.all([patient.close(), strict.close()]);
  });

  it('disposes of itself', async () => {
    const keeper = await on.keeper();
    const latch = new LeaderLatch(keeper, freshLine());
    await latch.start();
    await latch[Symbol.asyncDispose]();
    expect(await namesIn(keeper, latch.path)).toEqual([]);
  });

  it('leaves no ghost when its create is lost and it is closed at once', async () => {
    const observer = await on.keeper();
    for (const what of ['reply', 'request'] as const) {
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      await observer.create().forPath(path);
      const latch = new LeaderLatch(keeper, path);
      const fault =
        what === 'reply' ? proxy.loseReplyOnce({ op: wire.create }) : proxy.loseRequestOnce({ op: wire.create });
      const starting = latch.start().catch(() => {});
      await fault;
      await Promise.all([latch.close(), starting]);
      await untilEmpty(observer, path);
      await untilNames(observer, path, 0);
    }
  });
});
