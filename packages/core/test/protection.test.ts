import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { ConnectionLossError, type Keeper, NoNodeError, retryNTimes } from '../src/index.js';
import { stage, untilState, watchingExisting, wire } from './stage.js';

const candidate = (keeper: Keeper) =>
  keeper.create().creatingParents().withProtection().withMode('EPHEMERAL_SEQUENTIAL').withStat();

describeOnSharedServer('a protected create', () => {
  const on = stage();

  /** Two keepers over one namespace: one behind a network to break, one that sees what is there. */
  const scene = async (options = {}) => {
    const { keeper, proxy } = await on.proxied(options);
    const observer = await on.keeper({ namespace: keeper.namespace });
    await observer.create().creatingParents().forPath('/dir', null);
    const children = (): Promise<string[]> => observer.getChildren().forPath('/dir');
    /** Resolves when the directory is empty again. */
    const untilEmpty = async (): Promise<void> => {
      for (;;) {
        let changed = (): void => {};
        const change = new Promise<void>((resolve) => {
          changed = resolve;
        });
        if ((await observer.getChildren().watching(changed).forPath('/dir')).length === 0) return;
        await change;
      }
    };
    return { keeper, proxy, observer, children, untilEmpty };
  };

  it('makes its znode anew when the session has expired in between', async () => {
    const { keeper, proxy, children } = await scene();
    const first = keeper.sessionId;
    const lost = proxy.loseReplyOnce({ op: wire.create }).then(() => proxy.refuse());
    const creation = candidate(keeper).forPath('/dir/x-');
    await lost;
    expect(await children()).toHaveLength(1);
    await on.expire(keeper);
    await proxy.accept();
    const { path, stat } = await creation;
    expect(keeper.sessionEpoch).toBe(2);
    expect(stat.ephemeralOwner).toBe(keeper.sessionId);
    expect(stat.ephemeralOwner).not.toBe(first);
    expect((await children()).map((name) => `/dir/${name}`)).toEqual([path]);
  });

  it('does not take an ephemeral of another session for its own: removes it', async () => {
    const { keeper, proxy, observer, children } = await scene();
    // The own znode is replaced by one of the same name, of a session that is not this one.
    const lost = proxy.loseReplyOnce({ op: wire.create }).then(() => proxy.refuse());
    const creation = keeper.create().withProtection().withMode('EPHEMERAL').withStat().forPath('/dir/x');
    await lost;
    const [name] = await children();
    await observer.transaction().delete(`/dir/${name}`).create(`/dir/${name}`, null, { mode: 'EPHEMERAL' }).commit();
    const removed = await watchingExisting(observer, `/dir/${name}`);
    await proxy.accept();
    const { path, stat } = await creation;
    expect(stat.ephemeralOwner).toBe(keeper.sessionId);
    expect(path).not.toBe(`/dir/${name}`);
    expect(await removed.event).toMatchObject({ type: 'NodeDeleted' });
    expect((await children()).map((child) => `/dir/${child}`)).toEqual([path]);
  });

  it('makes another when somebody has deleted what it had made', async () => {
    const { keeper, proxy, observer, children } = await scene();
    const lost = proxy.loseReplyOnce({ op: wire.create }).then(() => proxy.refuse());
    const creation = candidate(keeper).forPath('/dir/x-');
    await lost;
    await observer.delete().deletingChildren().forPath('/dir');
    await proxy.accept();
    const { path } = await creation;
    expect((await children()).map((child) => `/dir/${child}`)).toEqual([path]);
  });

  it.each(['loseReplyOnce', 'loseRequestOnce'] as const)(
    'leaves nothing when it fails for good after %s',
    async (loss) => {
      const { keeper, proxy, untilEmpty } = await scene({ retry: retryNTimes({ retries: 0, delayMs: 0 }) });
      const lost = proxy[loss]({ op: wire.create });
      await expect(candidate(keeper).forPath('/dir/x-')).rejects.toMatchObject({ outcome: 'unknown' });
      await lost;
      // Found and deleted, over another loss on the way.
      await proxy[loss]({ op: wire.getChildren });
      await untilEmpty();
      expect(on.errors).toEqual([]);
    },
  );

  it('says that the outcome is unknown when the last attempts could not be sent', async () => {
    const { keeper, proxy } = await scene({ retry: retryNTimes({ retries: 1, delayMs: 0 }), requestTimeoutMs: 300 });
    void proxy.loseReplyOnce({ op: wire.create }).then(() => proxy.refuse());
    const failure = await candidate(keeper)
      .forPath('/dir/x-')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectionLossError);
    expect(failure).toMatchObject({ outcome: 'unknown', operation: 'create', cause: { outcome: 'not-sent' } });
    await proxy.accept();
  });

  it('passes on what the server refuses, and looks for nothing', async () => {
    const { keeper, proxy } = await scene();
    const before = proxy.requestCount(wire.getChildren);
    await expect(keeper.create().withProtection().forPath('/none/x')).rejects.toBeInstanceOf(NoNodeError);
    expect(proxy.requestCount(wire.getChildren)).toBe(before);
  });

  describe('that its caller gives up', () => {
    const reason = new Error('enough');

    it('before it was sent: nothing happens', async () => {
      const { keeper, proxy, children } = await scene();
      const before = proxy.requestCount(wire.create);
      await expect(candidate(keeper).forPath('/dir/x-', null, { signal: AbortSignal.abort(reason) })).rejects.toBe(
        reason,
      );
      await keeper.sync().forPath('/dir');
      expect(proxy.requestCount(wire.create)).toBe(before);
      expect(await children()).toEqual([]);
    });

    it('while it waits for a connection: it is not sent', async () => {
      const { keeper, proxy, children } = await scene();
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      const giveUp = new AbortController();
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      const before = proxy.requestCount(wire.create);
      await proxy.accept();
      await keeper.sync().forPath('/dir');
      expect(proxy.requestCount(wire.create)).toBe(before);
      expect(await children()).toEqual([]);
    });

    it('in the tick in which it was sent: the znode goes again', async () => {
      const { keeper, proxy, untilEmpty } = await scene();
      const giveUp = new AbortController();
      const sent = proxy.untilRequest(wire.create);
      const removed = proxy.untilRequest(wire.delete);
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      await sent;
      await removed;
      await untilEmpty();
    });

    it('while the reply is on its way: the znode goes again', async () => {
      const { keeper, proxy, untilEmpty } = await scene();
      const giveUp = new AbortController();
      proxy.blackhole({ direction: 'to-client' });
      const sent = proxy.untilRequest(wire.create);
      const removed = proxy.untilRequest(wire.delete);
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      await sent;
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      proxy.heal();
      await removed;
      await untilEmpty();
    });

    it('after the reply was lost: the znode goes again, when the connection has come back', async () => {
      const { keeper, proxy, children, untilEmpty } = await scene();
      const giveUp = new AbortController();
      const lost = proxy.loseReplyOnce({ op: wire.create }).then(() => proxy.refuse());
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      await lost;
      expect(await children()).toHaveLength(1);
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      await proxy.accept();
      await untilEmpty();
    });

    it('while its own znode is looked for: it goes again', async () => {
      const { keeper, proxy, untilEmpty } = await scene();
      const giveUp = new AbortController();
      void proxy.loseReplyOnce({ op: wire.create });
      const looking = proxy.untilRequest(wire.getChildren);
      const removed = proxy.untilRequest(wire.delete);
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      await looking;
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      await removed;
      await untilEmpty();
    });

    it('while the parents are being made: nothing is created below them', async () => {
      const { keeper, proxy, observer } = await scene();
      const giveUp = new AbortController();
      const making = proxy.untilRequest(wire.createContainer);
      const creation = candidate(keeper).forPath('/new/deep/x-', null, { signal: giveUp.signal });
      await making;
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      await keeper.sync().forPath('/');
      expect(await observer.getChildren().forPath('/new/deep')).toEqual([]);
    });

    it('and the keeper is closed in the same breath: the end of the session removes the znode', async () => {
      const { keeper, proxy, untilEmpty } = await scene();
      const giveUp = new AbortController();
      const lost = proxy.loseReplyOnce({ op: wire.create });
      const creation = candidate(keeper).forPath('/dir/x-', null, { signal: giveUp.signal });
      await lost;
      giveUp.abort(reason);
      await expect(creation).rejects.toBe(reason);
      await keeper.close();
      await untilEmpty();
      expect(on.errors).toEqual([]);
    });
  });
});

describeOnSharedServer('protected creates on a bad network', () => {
  const on = stage();

  it('resolve with one znode each, and the others leave none', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper({ namespace: keeper.namespace });
    await observer.create().forPath('/dir', null);
    let isBad = true;
    const chance = (): boolean => isBad && Math.random() < 0.03;
    const breakAgain = async (loss: 'loseReplyOnce' | 'loseRequestOnce'): Promise<void> => {
      while (isBad) await proxy[loss]({ op: chance });
    };
    void breakAgain('loseReplyOnce');
    void breakAgain('loseRequestOnce');
    const contender = async (): Promise<string[]> => {
      const created: string[] = [];
      for (let turn = 0; turn < 32; turn++) {
        const giveUp = turn % 8 === 7 ? { signal: AbortSignal.timeout(5 + turn) } : {};
        await candidate(keeper)
          .forPath('/dir/x-', null, giveUp)
          .then(
            ({ path }) => created.push(path),
            () => {},
          );
      }
      return created;
    };
    const created = (await Promise.all(Array.from({ length: 8 }, contender))).flat();
    isBad = false;
    expect(new Set(created).size).toBe(created.length);
    expect(created.length).toBeGreaterThan(200);
    // The abandoned ones go in the background.
    const left = await until(
      async () => {
        const children = await observer.getChildren().forPath('/dir');
        return children.length === created.length ? children : undefined;
      },
      { what: 'the end of all abandoned znodes', timeoutMs: 20_000 },
    );
    expect(left.map((name) => `/dir/${name}`).sort()).toEqual([...created].sort());
    expect(keeper.sessionEpoch).toBe(1);
  });
});
