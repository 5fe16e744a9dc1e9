import { ConnectionLossError, NoAuthError, parseProtectedName } from '@zk-recipes/core';
import { enrol } from '@zk-recipes/core/recipe-kit';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { readAclUnsafe } from 'zookeeper-ts-client';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';
import { requestsDuring, wire } from '../stage/wire.js';

const name = 'lock-';

describeOnSharedServer('enrol', () => {
  const on = stage();

  it('makes a protected ephemeral sequential znode of this session', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const member = await enrol(keeper, directory, { name, data: Buffer.from('me') });
    const { data, stat } = await keeper.getData().withStat().forPath(member.path);
    expect(data?.toString()).toBe('me');
    expect(stat).toMatchObject({ ephemeralOwner: keeper.sessionId, czxid: member.czxid });
    expect(parseProtectedName(member.name)?.name).toBe('lock-0000000000');
    expect(member).toMatchObject({
      directory,
      sessionId: keeper.sessionId,
      epoch: 1,
      path: `${directory}/${member.name}`,
    });
    expect((await keeper.exists().forPath(directory))?.ephemeralOwner).toBe(0n);
  });

  it('takes one round trip: create and list leave together, and the list has the own znode in it', async () => {
    const { keeper, proxy } = await on.proxied();
    const directory = freshLine();
    const first = await enrol(keeper, directory, { name });
    proxy.delay(50);
    const beganMs = performance.now();
    let second = first;
    const sent = await requestsDuring(proxy, async () => {
      second = await enrol(keeper, directory, { name });
    });
    const tookMs = performance.now() - beganMs;
    expect(sent).toEqual({ create2: 1, getChildren2: 1 });
    expect(second.siblings?.toSorted()).toEqual([first.name, second.name].toSorted());
    // 50 ms there, 50 ms back; two round trips would be 200.
    expect(tookMs).toBeLessThan(195);
  });

  it('makes missing parents', async () => {
    const keeper = await on.keeper({ namespace: freshLine().slice(1) });
    const member = await enrol(keeper, '/deep/down/below', { name });
    expect(await namesIn(keeper, '/deep/down/below')).toEqual([member.name]);
    expect(member.siblings).toBeNull();
  });

  it('gives each member of a line a larger token', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const members = await Promise.all(Array.from({ length: 20 }, () => enrol(keeper, directory, { name })));
    const order = members.toSorted((a, b) => (a.name.slice(-10) < b.name.slice(-10) ? -1 : 1));
    const tokens = order.map(({ czxid }) => czxid);
    expect(new Set(tokens).size).toBe(20);
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
  });

  it('withdraws once, and quietly when the znode is gone', async () => {
    const { keeper, proxy } = await on.proxied();
    const directory = freshLine();
    const member = await enrol(keeper, directory, { name });
    const sent = await requestsDuring(proxy, () => Promise.all([member.withdraw(), member.withdraw()]));
    expect(sent).toEqual({ delete: 1 });
    const other = await enrol(keeper, directory, { name });
    await keeper.delete().forPath(other.path);
    await other.withdraw();
    expect(await namesIn(keeper, directory)).toEqual([]);
    expect(on.errors).toEqual([]);
  });

  it('throws what a create throws', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    await keeper.create().withAcl(readAclUnsafe).forPath(directory);
    await expect(enrol(keeper, directory, { name })).rejects.toThrow(NoAuthError);
  });

  describe('given up', () => {
    const giveUp = new Error('given up');

    it('before it began', async () => {
      const { keeper, proxy } = await on.proxied();
      const signal = AbortSignal.abort(giveUp);
      const sent = await requestsDuring(proxy, async () => {
        await expect(enrol(keeper, freshLine(), { name, signal })).rejects.toBe(giveUp);
      });
      expect(sent).toEqual({});
    });

    it('in the tick in which it began, before anything is sent', async () => {
      const [keeper, observer] = [await on.keeper(), await on.keeper()];
      const directory = freshLine();
      await observer.create().forPath(directory);
      const controller = new AbortController();
      const enrolment = enrol(keeper, directory, { name, signal: controller.signal });
      controller.abort(giveUp);
      await expect(enrolment).rejects.toBe(giveUp);
      await untilEmpty(observer, directory);
    });

    it('when the create has been sent, and is applied', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const directory = freshLine();
      await observer.create().forPath(directory);
      proxy.blackhole({ direction: 'to-client' });
      const controller = new AbortController();
      const enrolment = enrol(keeper, directory, { name, signal: controller.signal });
      await untilNames(observer, directory, 1);
      controller.abort(giveUp);
      await expect(enrolment).rejects.toBe(giveUp);
      proxy.heal();
      await untilEmpty(observer, directory);
    });

    it('when the create has been answered, and the list has not', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const directory = freshLine();
      await observer.create().forPath(directory);
      const controller = new AbortController();
      // The list is asked for in the same write; its reply is lost, so that it is still under way when the create has been answered.
      const lost = proxy.loseReplyOnce({ op: wire.getChildren });
      const enrolment = enrol(keeper, directory, { name, signal: controller.signal });
      await lost;
      proxy.refuse();
      controller.abort(giveUp);
      await expect(enrolment).rejects.toBe(giveUp);
      await proxy.accept();
      await untilEmpty(observer, directory);
    });

    it('while there is no connection', async () => {
      const { keeper, proxy } = await on.proxied();
      const observer = await on.keeper();
      const directory = freshLine();
      await observer.create().forPath(directory);
      proxy.refuse();
      proxy.cut();
      const enrolment = enrol(keeper, directory, { name, signal: AbortSignal.timeout(50) });
      await expect(enrolment).rejects.toMatchObject({ name: 'TimeoutError' });
      await proxy.accept();
      await untilEmpty(observer, directory);
      await keeper.sync().forPath(directory);
      expect(await namesIn(observer, directory)).toEqual([]);
    });
  });

  it('rejects when the retries are used up, and leaves no ghost then either', async () => {
    const { keeper, proxy } = await on.proxied({ requestTimeoutMs: 300, retry: { ...noRetry } });
    const observer = await on.keeper();
    const directory = freshLine();
    await observer.create().forPath(directory);
    const lost = proxy.loseReplyOnce({ op: wire.create });
    await expect(enrol(keeper, directory, { name })).rejects.toThrow(ConnectionLossError);
    await lost;
    await untilEmpty(observer, directory);
  });
});

const noRetry = { retries: 0, baseDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: false, maxElapsedMs: Infinity };
