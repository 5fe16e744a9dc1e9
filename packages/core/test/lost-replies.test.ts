import type { TcpProxy } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import {
  BadVersionError,
  ConnectionLossError,
  type Keeper,
  parseProtectedName,
  readAclUnsafe,
  type WatchedEvent,
} from '../src/index.js';
import { type Stage, stage, wire } from './stage.js';

/** What can happen to a request on its way: the server never sees it, or does as it says and is not heard. */
const losses = ['loseRequestOnce', 'loseReplyOnce'] as const;

type Loss = (typeof losses)[number];

/** Has the next request of this kind meet its fate, and says that it did. */
function lose(proxy: TcpProxy, loss: Loss, op: number, nth = 1): Promise<unknown> {
  return proxy[loss]({ op, nth });
}

async function unknownOutcome(attempt: Promise<unknown>): Promise<void> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectionLossError);
  expect(error).toMatchObject({ outcome: 'unknown' });
}

const count = (proxy: TcpProxy, op: number): number => proxy.requestCount(op);

describeOnSharedServer.each(losses)('after %s', (loss) => {
  const on = stage();
  const done = loss === 'loseReplyOnce';

  /** A keeper whose next request of this kind is lost. */
  const losing = async (op: number, prepare?: (keeper: Keeper) => Promise<unknown>) => {
    const { keeper, proxy } = await on.proxied();
    await keeper.create().creatingParents().forPath('/dir/other', 'other');
    await prepare?.(keeper);
    const before = count(proxy, op);
    const lost = lose(proxy, loss, op);
    return { keeper, proxy, lost, sent: () => count(proxy, op) - before };
  };

  describe('what cannot be repeated says so, and is sent once', () => {
    it.each(['PERSISTENT', 'EPHEMERAL'] as const)('create %s', async (mode) => {
      const { keeper, sent } = await losing(wire.create);
      await unknownOutcome(keeper.create().withMode(mode).forPath('/dir/x'));
      expect((await keeper.exists().forPath('/dir/x')) !== null).toBe(done);
      expect(sent()).toBe(1);
    });

    it.each(['idempotent', 'orSetData'] as const)('create sequential, even %s', async (step) => {
      const { keeper, sent } = await losing(wire.create);
      await unknownOutcome(keeper.create()[step]().withMode('EPHEMERAL_SEQUENTIAL').forPath('/dir/x-'));
      expect(await keeper.getChildren().forPath('/dir')).toHaveLength(done ? 2 : 1);
      expect(sent()).toBe(1);
    });

    it.each([-1, 0])('setData with version %d', async (version) => {
      const { keeper, sent } = await losing(wire.setData);
      await unknownOutcome(keeper.setData().withVersion(version).forPath('/dir/other', 'new'));
      expect((await keeper.getData().forPath('/dir/other'))?.toString()).toBe(done ? 'new' : 'other');
      expect(sent()).toBe(1);
    });

    it.each([-1, 0])('delete with version %d', async (version) => {
      const { keeper, sent } = await losing(wire.delete);
      await unknownOutcome(keeper.delete().withVersion(version).forPath('/dir/other'));
      expect((await keeper.exists().forPath('/dir/other')) === null).toBe(done);
      expect(sent()).toBe(1);
    });

    it('setAcl', async () => {
      const { keeper, sent } = await losing(wire.setAcl);
      await unknownOutcome(keeper.setAcl().withAcl(readAclUnsafe).forPath('/dir/other'));
      expect(await keeper.exists().forPath('/dir/other')).toMatchObject({ aversion: done ? 1 : 0 });
      expect(sent()).toBe(1);
    });

    it('transaction', async () => {
      const { keeper, sent } = await losing(wire.multi);
      await unknownOutcome(keeper.transaction().setData('/dir/other', 'new').create('/dir/x').commit());
      expect((await keeper.exists().forPath('/dir/x')) !== null).toBe(done);
      expect(sent()).toBe(1);
    });

    it('create that sets the data of one version', async () => {
      const { keeper, sent } = await losing(wire.setData);
      await unknownOutcome(keeper.create().orSetData(0).forPath('/dir/other', 'new'));
      expect(await keeper.exists().forPath('/dir/other')).toMatchObject({ version: done ? 1 : 0 });
      expect(sent()).toBe(1);
    });
  });

  describe('what is safe to repeat is as if nothing had happened', () => {
    it.each(['PERSISTENT', 'EPHEMERAL', 'PERSISTENT_SEQUENTIAL', 'EPHEMERAL_SEQUENTIAL'] as const)(
      'protected create %s',
      async (mode) => {
        const { keeper, lost } = await losing(wire.create);
        const created = await keeper.create().withProtection().withMode(mode).withStat().forPath('/dir/x-', 'mine');
        await lost;
        const names = (await keeper.getChildren().forPath('/dir')).filter((name) => name !== 'other');
        expect(names.map((name) => `/dir/${name}`)).toEqual([created.path]);
        expect(parseProtectedName(names[0] as string)?.name).toMatch(/^x-/);
        const { data, stat } = await keeper.getData().withStat().forPath(created.path);
        expect(data?.toString()).toBe('mine');
        expect(created.stat).toEqual(stat);
        expect(stat.ephemeralOwner).toBe(mode.startsWith('EPHEMERAL') ? keeper.sessionId : 0n);
      },
    );

    it.each(['idempotent', 'orSetData'] as const)('create %s', async (step) => {
      const { keeper, lost, sent } = await losing(wire.create);
      expect(await keeper.create()[step]().forPath('/dir/x', 'mine')).toBe('/dir/x');
      await lost;
      expect((await keeper.getData().forPath('/dir/x'))?.toString()).toBe('mine');
      expect(sent()).toBe(2);
    });

    it('the data set in place of a create', async () => {
      const { keeper, lost } = await losing(wire.setData);
      await keeper.create().orSetData().forPath('/dir/other', 'new');
      await lost;
      expect((await keeper.getData().forPath('/dir/other'))?.toString()).toBe('new');
    });

    it('the parents of a create that itself is not', async () => {
      const { keeper, lost } = await losing(wire.createContainer);
      expect(await keeper.create().creatingParents().forPath('/p/q/r')).toBe('/p/q/r');
      await lost;
      expect(await keeper.getChildren().forPath('/p/q')).toEqual(['r']);
    });

    it('idempotent setData with a version: done once', async () => {
      const { keeper, lost } = await losing(wire.setData);
      expect(await keeper.setData().idempotent().withVersion(0).forPath('/dir/other', 'new')).toMatchObject({
        version: 1,
      });
      await lost;
      expect(await keeper.exists().forPath('/dir/other')).toMatchObject({ version: 1 });
    });

    it('idempotent setData whose version somebody else took', async () => {
      const { keeper, lost } = await losing(wire.setData);
      const other = await on.keeper({ namespace: keeper.namespace });
      await other.setData().forPath('/dir/other', 'theirs');
      await expect(keeper.setData().idempotent().withVersion(0).forPath('/dir/other', 'new')).rejects.toBeInstanceOf(
        BadVersionError,
      );
      await lost;
      expect((await keeper.getData().forPath('/dir/other'))?.toString()).toBe('theirs');
    });

    it.each(['guaranteed', 'quietly', 'idempotent'] as const)('delete %s', async (step) => {
      const { keeper, lost, sent } = await losing(wire.delete);
      await keeper.delete()[step]().forPath('/dir/other');
      await lost;
      expect(await keeper.exists().forPath('/dir/other')).toBeNull();
      expect(sent()).toBe(2);
    });

    it('the children of a delete that itself is not', async () => {
      const { keeper, proxy } = await losing(wire.exists);
      // The first delete is that of the parent, which is refused; the second that of a child.
      const lost = lose(proxy, loss, wire.delete, 2);
      await keeper.delete().deletingChildren().forPath('/dir');
      await lost;
      expect(await keeper.exists().forPath('/dir')).toBeNull();
    });

    it.each([
      ['exists', wire.exists],
      ['getData', wire.getData],
      ['getChildren', wire.getChildren],
    ] as const)('%s, with its watch', async (verb, op) => {
      const { keeper, lost } = await losing(op);
      const events: WatchedEvent[] = [];
      await keeper[verb]()
        .watching((event) => events.push(event))
        .forPath('/dir/other');
      await lost;
      await keeper.delete().forPath('/dir/other');
      // Events and results come in the order of the wire.
      expect(events).toMatchObject([{ type: 'NodeDeleted', path: '/dir/other' }]);
    });

    it('sync', async () => {
      const { keeper, lost } = await losing(wire.sync);
      await keeper.sync().forPath('/dir');
      await lost;
    });
  });
});

describeOnSharedServer('two losses in one protected create', () => {
  const on = stage();

  /** Whoever is left over in the directory would block a line of others for as long as this session lives. */
  const onlyOne = async (keeper: Keeper, path: string): Promise<void> => {
    expect((await keeper.getChildren().forPath('/dir')).map((name) => `/dir/${name}`)).toEqual([path]);
  };

  const create = (keeper: Keeper): Promise<string> =>
    keeper.create().creatingParents().withProtection().withMode('EPHEMERAL_SEQUENTIAL').forPath('/dir/lock-');

  const prepare = async ({ proxied }: Stage): Promise<{ keeper: Keeper; proxy: TcpProxy }> => {
    const staged = await proxied();
    await staged.keeper.create().creatingParents().forPath('/dir', null);
    return staged;
  };

  it.each(losses.flatMap((first) => losses.map((second) => [first, second] as const)))(
    'the create by %s, then its look-up by %s',
    async (first, second) => {
      const { keeper, proxy } = await prepare(on);
      const lost = [lose(proxy, first, wire.create), lose(proxy, second, wire.getChildren)];
      const path = await create(keeper);
      await Promise.all(lost);
      await onlyOne(keeper, path);
    },
  );

  it.each(losses.flatMap((first) => losses.map((second) => [first, second] as const)))(
    'the create by %s, then the look-up’s sync by %s, then the stat',
    async (first, second) => {
      const { keeper, proxy } = await prepare(on);
      const lost = [lose(proxy, first, wire.create), lose(proxy, second, wire.sync)];
      if (first === 'loseReplyOnce') lost.push(lose(proxy, second, wire.exists));
      const path = await create(keeper);
      await Promise.all(lost);
      await onlyOne(keeper, path);
    },
  );

  it.each(losses)('the create as a request, then the second create by %s', async (second) => {
    const { keeper, proxy } = await prepare(on);
    const lost = [lose(proxy, 'loseRequestOnce', wire.create), lose(proxy, second, wire.create)];
    const path = await create(keeper);
    await Promise.all(lost);
    await onlyOne(keeper, path);
  });
});
