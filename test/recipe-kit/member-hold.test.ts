import { HoldLostError, type Keeper, MultiError, NotHeldError } from '@zk-recipes/core';
import { enrol, type LossPolicy, MemberHold } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { untilEmpty } from '../stage/lines.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';

const name = 'lock-';

describeOnOwnServers('MemberHold', () => {
  const server = ownServer({ tickTimeMs: 500, systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  /** Holds a place, and has seen that the znode is watched. */
  async function hold(keeper: Keeper, directory = freshLine(), lossPolicy?: LossPolicy): Promise<MemberHold> {
    const held = new MemberHold(await enrol(keeper, directory, { name }), { lossPolicy });
    await untilWatchCount(on.server, 1);
    return held;
  }

  it('is held while its session lives, and guards what is written', async () => {
    const keeper = await on.keeper();
    const held = await hold(keeper);
    expect(held.validForMs()).toBeGreaterThan(3_000);
    expect(held.validForMs()).toBeLessThanOrEqual(keeper.sessionTimeoutMs * 0.9);
    const path = freshLine();
    await held.guard().create(path, 'by the holder').commit();
    expect((await keeper.getData().forPath(path))?.toString()).toBe('by the holder');
    await held.release();
    expect(held.state).toBe('released');
    await untilWatchCount(on.server, 0);
  });

  it('is lost when its znode is deleted by hand, and what it guards is refused', async () => {
    const [keeper, other] = [await on.keeper(), await on.keeper()];
    const held = await hold(keeper);
    const written = held.guard().create(freshLine(), 'late');
    const aborted = untilAborted(held.signal);
    await other.delete().forPath(held.path);
    expect(await aborted).toMatchObject({ reason: 'deleted', path: held.path });
    expect(held.validForMs()).toBe(0);
    expect(() => held.guard()).toThrow(NotHeldError);
    const refusal = await written.commit().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(MultiError);
    expect(refusal).toMatchObject({ failedIndex: 0 });
    await held.release();
    expect(on.errors).toEqual([]);
  });

  it('is lost when its session expires, before the next session can be used', async () => {
    const keeper = await on.keeper();
    const held = await hold(keeper);
    const { sessionId } = keeper;
    const seen: { readonly aborted: boolean; readonly sessionId: bigint }[] = [];
    keeper.on('state', () => seen.push({ aborted: held.signal.aborted, sessionId: keeper.sessionId }));
    await Promise.all([untilState(keeper, 'RECONNECTED'), expire(keeper, on.server)]);
    expect(held.signal.reason).toMatchObject({ reason: expect.stringMatching(/expired|validity/) });
    expect(seen.filter((at) => at.sessionId !== sessionId && !at.aborted)).toEqual([]);
    await held.release();
    expect(on.errors).toEqual([]);
  });

  it.each(['both', 'to-server'] as const)(
    'is lost by its clock before anybody can see its znode vanish, when nothing passes (%s)',
    async (direction) => {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 2_000 });
      const observer = await on.keeper();
      const held = await hold(keeper);
      const lostAt = untilAborted(held.signal).then(() => performance.now());
      proxy.blackhole({ direction });
      await until(async () => ((await observer.exists().forPath(held.path)) === null ? true : undefined), {
        what: 'the znode to vanish',
        everyMs: 2,
      });
      const vanishedAtMs = performance.now();
      expect(held.state).toBe('lost');
      expect(await lostAt).toBeLessThan(vanishedAtMs);
      expect(held.signal.reason).toMatchObject({ reason: 'validity' });
    },
  );

  it('is lost by its clock when nothing comes back, although the server still hears of the client', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 2_000 });
    const observer = await on.keeper();
    const directory = freshLine();
    const held = await hold(keeper, directory);
    proxy.blackhole({ direction: 'to-client' });
    const sinceMs = performance.now();
    expect(await untilAborted(held.signal)).toMatchObject({ reason: 'validity' });
    expect(performance.now() - sinceMs).toBeLessThan(keeper.sessionTimeoutMs + 500);
    proxy.heal();
    await untilEmpty(observer, directory);
  });

  it('stands through a short disconnection by default', async () => {
    const { keeper, proxy } = await on.proxied();
    const held = await hold(keeper);
    proxy.cut();
    await untilState(keeper, 'SUSPENDED');
    expect(held.state).toBe('held');
    await untilState(keeper, 'RECONNECTED');
    expect(held.state).toBe('held');
    await held.guard().create(freshLine(), 'still').commit();
    await untilWatchCount(on.server, 1);
    const aborted = untilAborted(held.signal);
    await keeper.delete().forPath(held.path);
    expect(await aborted).toMatchObject({ reason: 'deleted' });
  });

  it('is lost with the connection where the policy says so, and its znode goes as soon as there is one', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const directory = freshLine();
    const held = await hold(keeper, directory, 'connection');
    proxy.refuse();
    proxy.cut();
    expect(await untilAborted(held.signal)).toMatchObject({ reason: 'suspended' });
    expect(() => held.guard()).toThrow(NotHeldError);
    await proxy.accept();
    await untilEmpty(observer, directory);
  });

  it.each(['twice', 'while disconnected', 'after it expired', 'after the keeper was closed'])(
    'can be released %s',
    async (when) => {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 2_000 });
      const observer = await on.keeper();
      const directory = freshLine();
      const held = await hold(keeper, directory);
      if (when === 'twice') await held.release();
      if (when === 'while disconnected') {
        proxy.refuse();
        proxy.cut();
      }
      if (when === 'after it expired') await Promise.all([untilAborted(held.signal), expire(keeper, on.server)]);
      if (when === 'after the keeper was closed') await keeper.close();
      await Promise.all([held.release(), held.release()]);
      await held[Symbol.asyncDispose]();
      expect(held.signal.reason).toBeInstanceOf(HoldLostError);
      await proxy.accept();
      await untilEmpty(observer, directory);
      expect(on.errors).toEqual([]);
    },
  );

  it('that is handed over is not handed over a second time meanwhile, nor taken for lost', async () => {
    const keeper = await on.keeper();
    const held = await hold(keeper);
    const handOver = () => held.handOver(() => keeper.delete().forPath(held.path));
    const handingOver = handOver();
    await expect(handOver()).rejects.toThrow(NotHeldError);
    expect(held.state).toBe('held');
    await handingOver;
    expect(held.signal.reason).toMatchObject({ reason: 'released' });
    await held.release();
  });

  it('has a larger token than the one before, though its directory was made again in between', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const first = await hold(keeper, directory);
    await first.release();
    await until(async () => ((await keeper.exists().forPath(directory)) === null ? true : undefined), {
      what: 'the empty container to be reaped',
    });
    const second = await hold(keeper, directory);
    expect(second.path.slice(-10)).toBe(first.path.slice(-10));
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    await second.release();
  });
});
