import { ClosedError, type Keeper, NoNodeError, SessionExpiredError } from '@zk-recipes/core';
import { untilChildren, untilCreated, untilDeleted } from '@zk-recipes/core/recipe-kit';
import type { TcpProxy } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { isSettled } from '../stage/lines.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { requestsDuring, wire } from '../stage/wire.js';

type Wait = (keeper: Keeper, path: string, signal?: AbortSignal) => Promise<unknown>;

/** The three ways to wait, how the znode must be before, and what ends the waiting. */
const ways: readonly {
  readonly name: string;
  readonly wait: Wait;
  readonly prepare: (keeper: Keeper, path: string) => Promise<unknown>;
  readonly fulfil: (keeper: Keeper, path: string) => Promise<unknown>;
}[] = [
  {
    name: 'untilDeleted',
    wait: (keeper, path, signal) => untilDeleted(keeper, path, { signal }),
    prepare: (keeper, path) => keeper.create().forPath(path),
    fulfil: (keeper, path) => keeper.delete().forPath(path),
  },
  {
    name: 'untilCreated',
    wait: (keeper, path, signal) => untilCreated(keeper, path, { signal }),
    prepare: async () => {},
    fulfil: (keeper, path) => keeper.create().forPath(path),
  },
  {
    name: 'untilChildren',
    wait: (keeper, path, signal) => untilChildren(keeper, path, (children) => children.includes('x'), { signal }),
    prepare: (keeper, path) => keeper.create().forPath(path),
    fulfil: (keeper, path) => keeper.create().forPath(`${path}/x`),
  },
];

describeOnOwnServers('waiting for a znode', () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  /** Resolves when a wait has its watch and was told so: answers come in order, and the watch on the server alone does not say it. */
  async function untilRead(keeper: Keeper): Promise<void> {
    await keeper.sync().forPath('/');
    await untilWatchCount(on.server, 1);
  }

  describe.each(ways)('$name', ({ wait, prepare, fulfil }) => {
    /** Somebody who waits, behind a network to break, and somebody else. */
    async function waiting(options: { signal?: AbortSignal } = {}) {
      const { keeper, proxy } = await on.proxied();
      const other = await on.keeper();
      const path = freshLine();
      await prepare(other, path);
      const settled = wait(keeper, path, options.signal);
      settled.catch(() => {});
      await untilRead(keeper);
      return { keeper, proxy, other, path, settled };
    }

    it('resolves when it happens, and leaves no watch', async () => {
      const { other, path, settled } = await waiting();
      expect(await isSettled(settled)).toBe(false);
      await fulfil(other, path);
      await settled;
      await untilWatchCount(on.server, 0);
    });

    it('resolves at once when it has happened already, and leaves no watch', async () => {
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      await prepare(keeper, path);
      await fulfil(keeper, path);
      await wait(keeper, path);
      await untilWatchCount(on.server, 0);
      await expectNoWatchInClient(keeper, proxy);
    });

    it('rejects with the reason of the signal, and leaves no watch here or on the server', async () => {
      const controller = new AbortController();
      const { keeper, proxy, settled } = await waiting({ signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(settled).rejects.toThrow('enough');
      await untilWatchCount(on.server, 0);
      await expectNoWatchInClient(keeper, proxy);
    });

    it('leaves no watch when it is given up while the read is under way', async () => {
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      await prepare(keeper, path);
      proxy.blackhole({ direction: 'to-client' });
      const controller = new AbortController();
      const settled = wait(keeper, path, controller.signal);
      settled.catch(() => {});
      await untilWatchCount(on.server, 1);
      controller.abort(new Error('enough'));
      await expect(settled).rejects.toThrow('enough');
      proxy.heal();
      await untilWatchCount(on.server, 0);
      await expectNoWatchInClient(keeper, proxy);
    });

    it('does not begin for a signal that has aborted', async () => {
      const { keeper, proxy } = await on.proxied();
      const signal = AbortSignal.abort(new Error('never'));
      const sent = await requestsDuring(proxy, async () => {
        await expect(wait(keeper, freshLine(), signal)).rejects.toThrow('never');
      });
      expect(sent).toEqual({});
    });

    it('hears of what happened while there was no connection', async () => {
      const { proxy, other, path, settled } = await waiting();
      proxy.refuse();
      proxy.cut();
      await fulfil(other, path);
      expect(await isSettled(settled)).toBe(false);
      await proxy.accept();
      await settled;
      await untilWatchCount(on.server, 0);
    });

    it('can be given up while there is no connection', async () => {
      const controller = new AbortController();
      const { keeper, proxy, settled } = await waiting({ signal: controller.signal });
      proxy.refuse();
      proxy.cut();
      controller.abort(new Error('enough'));
      await expect(settled).rejects.toThrow('enough');
      await proxy.accept();
      await keeper.sync().forPath('/');
      await untilWatchCount(on.server, 0);
    });

    it('waits on when the connection was lost and nothing happened', async () => {
      const { keeper, proxy, other, path, settled } = await waiting();
      for (let round = 0; round < 3; round++) {
        proxy.cut();
        await keeper.sync().forPath('/');
        await untilWatchCount(on.server, 1);
      }
      expect(await isSettled(settled)).toBe(false);
      await fulfil(other, path);
      await settled;
    });

    it('rejects with SessionExpiredError when the session ends', async () => {
      const { keeper, settled } = await waiting();
      await expire(keeper, on.server);
      await expect(settled).rejects.toThrow(SessionExpiredError);
    });

    it('waits on in the next session when the first one ends while the read is under way', async () => {
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      await prepare(keeper, path);
      proxy.blackhole({ direction: 'to-client' });
      const settled = wait(keeper, path);
      await untilWatchCount(on.server, 1);
      await expire(keeper, on.server);
      proxy.cut();
      proxy.heal();
      await untilRead(keeper);
      expect(await isSettled(settled)).toBe(false);
      await fulfil(keeper, path);
      await settled;
    });

    it('rejects with ClosedError when the keeper closes', async () => {
      const { keeper, settled } = await waiting();
      await keeper.close();
      await expect(settled).rejects.toThrow(ClosedError);
    });

    it.each(['reply', 'request'] as const)('gets over the %s of its read being lost', async (what) => {
      const { keeper, proxy } = await on.proxied();
      const path = freshLine();
      await prepare(keeper, path);
      const reads = new Set<number>([wire.getData, wire.exists, wire.getChildren]);
      const op = ({ op: code }: { op: number }) => reads.has(code);
      const fault = what === 'reply' ? proxy.loseReplyOnce({ op }) : proxy.loseRequestOnce({ op });
      const settled = wait(keeper, path);
      await fault;
      await untilWatchCount(on.server, 1);
      await fulfil(await on.keeper(), path);
      await settled;
      await untilWatchCount(on.server, 0);
    });
  });

  it('untilDeleted takes one request, and one more for each change of the data', async () => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const path = await other.create().forPath(freshLine());
    const sent = await requestsDuring(proxy, async () => {
      const deleted = untilDeleted(keeper, path);
      for (let change = 1; change <= 3; change++) {
        await untilWatchCount(on.server, 1);
        await other.setData().forPath(path, `${change}`);
      }
      await untilWatchCount(on.server, 1);
      expect(await isSettled(deleted)).toBe(false);
      await other.delete().forPath(path);
      await deleted;
    });
    expect(sent).toEqual({ getData: 4 });
  });

  it('untilDeleted leaves no watch on a path where nothing ever was', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    await untilDeleted(keeper, path);
    await untilWatchCount(on.server, 0);
  });

  it('untilDeleted takes a znode that was created again while there was no connection for another one', async () => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const path = await other.create().forPath(freshLine());
    const deleted = untilDeleted(keeper, path);
    await untilRead(keeper);
    proxy.refuse();
    proxy.cut();
    await other.delete().forPath(path);
    await other.create().forPath(path);
    expect(await isSettled(deleted)).toBe(false);
    await proxy.accept();
    await deleted;
    await untilWatchCount(on.server, 0);
    await expectNoWatchInClient(keeper, proxy);
  });

  it('untilDeleted waits for the znode as of a zxid, not for a later one', async () => {
    const { keeper, proxy } = await on.proxied();
    const path = await keeper.create().forPath(freshLine());
    const seen = await keeper.exists().forPath(path);
    const asOf = seen?.czxid as bigint;
    const controller = new AbortController();
    const waiting = untilDeleted(keeper, path, { asOf, signal: controller.signal });
    await untilWatchCount(on.server, 1);
    expect(await isSettled(waiting)).toBe(false);
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await keeper.delete().forPath(path);
    await keeper.create().forPath(path);
    await untilDeleted(keeper, path, { asOf });
    await untilWatchCount(on.server, 0);
    await expectNoWatchInClient(keeper, proxy);
  });

  it('untilCreated tells whether the znode was found, or was seen to be created', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const created = untilCreated(keeper, path);
    await untilWatchCount(on.server, 1);
    await keeper.transaction().create(path, 'for a moment').delete(path).commit();
    expect(await created).toBeNull();
    await keeper.create().forPath(path);
    expect((await untilCreated(keeper, path))?.czxid).toBe((await keeper.exists().forPath(path))?.czxid);
    await untilWatchCount(on.server, 0);
  });

  it('many wait for the same znode over one session, and one that gives up takes no watch from the others', async () => {
    const keeper = await on.keeper();
    const other = await on.keeper();
    const path = await other.create().forPath(freshLine());
    const controller = new AbortController();
    const leaving = untilDeleted(keeper, path, { signal: controller.signal });
    const staying = [untilDeleted(keeper, path), untilDeleted(keeper, path)];
    await untilWatchCount(on.server, 1);
    controller.abort(new Error('enough'));
    await expect(leaving).rejects.toThrow('enough');
    await keeper.sync().forPath('/');
    await other.delete().forPath(path);
    await Promise.all(staying);
  });

  it('untilChildren rejects when there is no such znode, and when it goes', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    await expect(untilChildren(keeper, path, () => false)).rejects.toThrow(NoNodeError);
    await keeper.create().forPath(path);
    const settled = untilChildren(keeper, path, () => false);
    settled.catch(() => {});
    await untilWatchCount(on.server, 1);
    await keeper.delete().forPath(path);
    await expect(settled).rejects.toThrow(NoNodeError);
  });
});

/** What the client's tables hold it sets again on the next connection: nothing, then. */
async function expectNoWatchInClient(keeper: Keeper, proxy: TcpProxy): Promise<void> {
  const sent = await requestsDuring(proxy, async () => {
    proxy.cut();
    await keeper.sync().forPath('/');
  });
  expect(sent).toEqual({ sync: 1 });
}
