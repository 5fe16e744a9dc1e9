import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { type BackgroundError, BadVersionError, retryNTimes } from '../src/index.js';
import { stage, untilState, watchingExisting, wire } from './stage.js';

describeOnSharedServer('a guaranteed delete', () => {
  const on = stage();

  const scene = async (options = {}) => {
    const { keeper, proxy } = await on.proxied({ retry: retryNTimes({ retries: 0, delayMs: 0 }), ...options });
    const observer = await on.keeper({ namespace: keeper.namespace });
    await observer.create().forPath('/x');
    const gone = await watchingExisting(observer, '/x');
    return { keeper, proxy, observer, gone };
  };

  it.each(['loseReplyOnce', 'loseRequestOnce'] as const)('goes on in the background after %s', async (loss) => {
    const { keeper, proxy, gone } = await scene();
    const lost = proxy[loss]({ op: wire.delete });
    await keeper.delete().guaranteed().forPath('/x');
    await lost;
    expect(await gone.event).toMatchObject({ type: 'NodeDeleted' });
    await keeper.sync().forPath('/');
    expect(on.errors).toEqual([]);
  });

  it('goes on over a new session', async () => {
    const { keeper, proxy, gone } = await scene();
    void proxy.loseRequestOnce({ op: wire.delete }).then(() => proxy.refuse());
    await keeper.delete().guaranteed().forPath('/x');
    await on.expire(keeper);
    await proxy.accept();
    expect(await gone.event).toMatchObject({ type: 'NodeDeleted' });
    expect(keeper.sessionEpoch).toBe(2);
  });

  it('is over with the session that owned the znode: what another has made under the name since stays', async () => {
    const { keeper, proxy, observer } = await scene();
    await keeper.create().withMode('EPHEMERAL').forPath('/mine');
    void proxy.loseRequestOnce({ op: wire.delete }).then(() => proxy.refuse());
    await keeper.delete().guaranteed({ owner: keeper.sessionId }).forPath('/mine');
    await on.expire(keeper);
    await observer.create().forPath('/mine');
    const back = untilState(keeper, 'RECONNECTED');
    const deletes = proxy.requestCount(wire.delete);
    await proxy.accept();
    await back;
    // Longer than the delete waits for the new session.
    await keeper.sync().forPath('/');
    await keeper.create().withProtection().forPath('/y');
    expect(proxy.requestCount(wire.delete)).toBe(deletes);
    expect(await observer.exists().forPath('/mine')).not.toBeNull();
  });

  it('goes on for a caller who gives up', async () => {
    const { keeper, proxy, gone } = await scene();
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    const giveUp = new AbortController();
    const deletion = keeper.delete().guaranteed().forPath('/x', { signal: giveUp.signal });
    giveUp.abort('enough');
    await expect(deletion).rejects.toBe('enough');
    await proxy.accept();
    expect(await gone.event).toMatchObject({ type: 'NodeDeleted' });
  });

  it('is not begun for one who has given up already', async () => {
    const { keeper, observer } = await scene();
    const signal = AbortSignal.abort('enough');
    await expect(keeper.delete().guaranteed().forPath('/x', { signal })).rejects.toBe('enough');
    await keeper.sync().forPath('/');
    expect(await observer.exists().forPath('/x')).not.toBeNull();
  });

  it('takes its children along in the background, too', async () => {
    const { keeper, proxy, observer, gone } = await scene();
    await observer.create().creatingParents().forPath('/x/a/b');
    void proxy.loseRequestOnce({ op: wire.delete });
    await keeper.delete().guaranteed().deletingChildren().forPath('/x');
    expect(await gone.event).toMatchObject({ type: 'NodeDeleted' });
  });

  it('rejects for what no repetition can mend', async () => {
    const { keeper } = await scene();
    await expect(keeper.delete().guaranteed().withVersion(7).forPath('/x')).rejects.toBeInstanceOf(BadVersionError);
  });

  it('tells of what no repetition can mend in the background', async () => {
    const { keeper, proxy, observer } = await scene();
    void proxy.loseRequestOnce({ op: wire.delete }).then(() => proxy.refuse());
    await keeper.delete().guaranteed().withVersion(0).forPath('/x');
    await observer.setData().forPath('/x', 'changed');
    const told = new Promise<BackgroundError>((resolve) => keeper.on('backgroundError', resolve));
    await proxy.accept();
    const { error, operation, path } = await told;
    expect(error).toBeInstanceOf(BadVersionError);
    expect([operation, path]).toEqual(['guaranteed delete', `/${keeper.namespace}/x`]);
  });

  it('is waited for by close', async () => {
    const { keeper, proxy, observer } = await scene();
    void proxy.loseRequestOnce({ op: wire.delete });
    await keeper.delete().guaranteed().forPath('/x');
    await keeper.close();
    expect(await observer.exists().forPath('/x')).toBeNull();
    expect(on.errors).toEqual([]);
  });

  it('is waited for by close no longer than a while, and then told of', async () => {
    const { keeper, proxy } = await scene();
    void proxy.loseRequestOnce({ op: wire.delete }).then(() => proxy.refuse());
    await keeper.delete().guaranteed().forPath('/x');
    await keeper.close();
    expect(on.errors).toMatchObject([{ operation: 'left behind', path: `/${keeper.namespace}/x` }]);
    await proxy.accept();
  });
});
