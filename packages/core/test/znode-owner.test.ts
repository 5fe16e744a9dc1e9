import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SessionSuccession } from '../src/execution/session-succession.js';
import { type CreateMode, type Keeper, NodeExistsError, ZnodeOwnerError } from '../src/index.js';
import { stage, untilState, wire } from './stage.js';

const persistentModes = ['PERSISTENT', 'CONTAINER', 'PERSISTENT_WITH_TTL'] as const;
const modes = ['EPHEMERAL', ...persistentModes] as const;

const creation = (keeper: Keeper, mode: CreateMode) => {
  const create = keeper.create().withMode(mode);
  return mode === 'PERSISTENT_WITH_TTL' ? create.withTtl(60_000) : create;
};

/** The data of `/x` with its version. */
const contentOf = async (keeper: Keeper): Promise<string> => {
  const { data, stat } = await keeper.getData().withStat().forPath('/x');
  return `${data?.toString()} of version ${stat.version}`;
};

const pair = async (on: ReturnType<typeof stage>): Promise<{ keeper: Keeper; other: Keeper }> => {
  const keeper = await on.keeper();
  return { keeper, other: await on.keeper({ namespace: keeper.namespace }) };
};

afterEach(() => void vi.restoreAllMocks());

describeOnSharedServer('create().orSetData() and the owner of what is there', () => {
  const on = stage();

  it.each(modes)('rejects with mode %s where another session has an ephemeral, and leaves its data', async (mode) => {
    const { keeper, other } = await pair(on);
    await other.create().withMode('EPHEMERAL').forPath('/x', 'theirs');
    const error = await creation(keeper, mode)
      .orSetData()
      .forPath('/x', 'mine')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ZnodeOwnerError);
    const path = `/${keeper.namespace}/x`;
    expect(error).toMatchObject({ code: 'ZK_ZNODE_OWNER', path, ownerSessionId: other.sessionId });
    const owner = `an ephemeral of session 0x${other.sessionId.toString(16)}`;
    const expected =
      mode === 'EPHEMERAL' ? `an ephemeral of session 0x${keeper.sessionId.toString(16)}` : 'a znode without an owner';
    expect((error as Error).message).toBe(`Expected ${path} to be ${expected}, got ${owner} (ZK_ZNODE_OWNER)`);
    expect(await contentOf(keeper)).toBe('theirs of version 0');
  });

  it.each(persistentModes)('rejects an ephemeral where a znode of mode %s is, which has no owner', async (mode) => {
    const { keeper, other } = await pair(on);
    await creation(other, mode).forPath('/x', 'theirs');
    await expect(keeper.create().withMode('EPHEMERAL').orSetData().forPath('/x', 'mine')).rejects.toMatchObject({
      code: 'ZK_ZNODE_OWNER',
      ownerSessionId: 0n,
    });
    expect(await contentOf(keeper)).toBe('theirs of version 0');
  });

  it.each(persistentModes)('rejects mode %s where an ephemeral of the own session is', async (mode) => {
    const keeper = await on.keeper();
    await keeper.create().withMode('EPHEMERAL').forPath('/x', 'before');
    await expect(creation(keeper, mode).orSetData().forPath('/x', 'after')).rejects.toMatchObject({
      code: 'ZK_ZNODE_OWNER',
      ownerSessionId: keeper.sessionId,
    });
    expect(await contentOf(keeper)).toBe('before of version 0');
  });

  it.each([
    ['EPHEMERAL', 'EPHEMERAL'] as const,
    ...persistentModes.flatMap((one) => persistentModes.map((two) => [one, two] as const)),
  ])('sets the data with mode %s of a znode of mode %s', async (mode, found) => {
    const keeper = await on.keeper();
    await creation(keeper, found).forPath('/x', 'before');
    const { path, stat } = await creation(keeper, mode).orSetData().withStat().forPath('/x', 'after');
    expect({ path, version: stat.version }).toEqual({ path: '/x', version: 1 });
    expect(await contentOf(keeper)).toBe('after of version 1');
  });

  it.each(['loseReplyOnce', 'loseRequestOnce'] as const)(
    'sets the data of an own ephemeral in spite of %s',
    async (loss) => {
      const { keeper, proxy } = await on.proxied();
      const create = keeper.create().withMode('EPHEMERAL').orSetData();
      await create.forPath('/x', 'before');
      for (const op of [wire.exists, wire.setData]) {
        const lost = proxy[loss]({ op });
        await create.forPath('/x', 'after');
        await lost;
      }
      expect((await keeper.getData().forPath('/x'))?.toString()).toBe('after');
    },
  );

  describe('when the znode changes hands', () => {
    /** Has something happen between the look and what follows it. */
    const afterLook = (keeper: Keeper, work: () => Promise<unknown>): void => {
      const { zookeeper } = keeper;
      const exists = zookeeper.exists.bind(zookeeper);
      vi.spyOn(zookeeper, 'exists').mockImplementationOnce(async (...given) => {
        const stat = await exists(...given);
        await work();
        return stat;
      });
    };

    it('rejects with the new owner, whose data was set', async () => {
      const { keeper, other } = await pair(on);
      const create = keeper.create().withMode('EPHEMERAL').orSetData();
      await create.forPath('/x', 'before');
      afterLook(keeper, async () => {
        await other.delete().forPath('/x');
        await other.create().withMode('EPHEMERAL').forPath('/x', 'theirs');
      });
      await expect(create.forPath('/x', 'after')).rejects.toMatchObject({
        code: 'ZK_ZNODE_OWNER',
        ownerSessionId: other.sessionId,
      });
      expect(await contentOf(keeper)).toBe('after of version 1');
    });

    it('creates it when it has been deleted', async () => {
      const { keeper, other } = await pair(on);
      await keeper.create().withMode('EPHEMERAL').forPath('/x', 'before');
      afterLook(keeper, () => other.delete().forPath('/x'));
      await keeper.create().withMode('EPHEMERAL').orSetData().forPath('/x', 'after');
      expect(await contentOf(keeper)).toBe('after of version 0');
    });

    it('deletes no ephemeral that has taken the place of one of an earlier session', async () => {
      const { keeper, other } = await pair(on);
      const ghost = await on.keeper({ namespace: keeper.namespace });
      pretendEarlier(ghost.sessionId);
      await ghost.create().withMode('EPHEMERAL').forPath('/x', 'ghost');
      await ghost.setData().forPath('/x', 'changed');
      afterLook(keeper, async () => {
        await other.delete().forPath('/x');
        await other.create().withMode('EPHEMERAL').forPath('/x', 'theirs');
      });
      await expect(keeper.create().withMode('EPHEMERAL').orSetData().forPath('/x', 'mine')).rejects.toMatchObject({
        ownerSessionId: other.sessionId,
      });
      expect(await contentOf(keeper)).toBe('theirs of version 0');
    });
  });

  it.each(modes)(
    'deletes an ephemeral of an earlier session of the same keeper, and creates with mode %s',
    async (mode) => {
      const { keeper, other } = await pair(on);
      pretendEarlier(other.sessionId);
      await other.create().withMode('EPHEMERAL').forPath('/x', 'ghost');
      const { stat } = await creation(keeper, mode).orSetData().withStat().forPath('/x', 'mine');
      expect(stat.ephemeralOwner).toBe(mode === 'EPHEMERAL' ? keeper.sessionId : 0n);
      expect(await contentOf(keeper)).toBe('mine of version 0');
    },
  );

  it('takes those sessions for earlier ones that another one has followed', async () => {
    const keeper = await on.keeper();
    const earlier = keeper.sessionId;
    const back = untilState(keeper, 'RECONNECTED');
    await on.expire(keeper);
    await back;
    const spy = vi.spyOn(SessionSuccession.prototype, 'isEarlierSession');
    await keeper.create().forPath('/x');
    await keeper.create().orSetData().forPath('/x', 'data');
    const [sessions] = spy.mock.contexts as SessionSuccession[];
    expect([earlier, keeper.sessionId, 0n].map((id) => sessions?.isEarlierSession(id))).toEqual([true, false, false]);
  });

  it('leaves idempotent() as it was: a znode of another owner exists', async () => {
    const { keeper, other } = await pair(on);
    await other.create().withMode('EPHEMERAL').forPath('/x', 'data');
    for (const mode of modes) {
      await expect(creation(keeper, mode).idempotent().forPath('/x', 'data')).rejects.toBeInstanceOf(NodeExistsError);
    }
  });
});

/** The session ended for its keeper, and lives on at the server: as after an outage of the whole ensemble. */
function pretendEarlier(ghost: bigint): void {
  vi.spyOn(SessionSuccession.prototype, 'isEarlierSession').mockImplementation((id) => id === ghost);
}
