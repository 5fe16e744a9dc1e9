import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import type { WatchedEvent } from '../src/index.js';
import { stage, untilState } from './stage.js';

describeOnSharedServer('watches', () => {
  const on = stage();

  it('fire once, and count once however often the same function is given', async () => {
    const keeper = await on.keeper();
    const events: WatchedEvent[] = [];
    const listener = (event: WatchedEvent): void => void events.push(event);
    await keeper.create().forPath('/x');
    await keeper.exists().watching(listener).forPath('/x');
    await keeper.getData().watching(listener).forPath('/x');
    await keeper.setData().forPath('/x', '1');
    await keeper.setData().forPath('/x', '2');
    expect(events).toEqual([{ type: 'NodeDataChanged', state: 'SyncConnected', path: '/x' }]);
  });

  it('can be removed, also where there is none, and without a connection', async () => {
    const { keeper, proxy } = await on.proxied();
    const events: WatchedEvent[] = [];
    const listener = (event: WatchedEvent): void => void events.push(event);
    await keeper.create().forPath('/x');
    await keeper.exists().watching(listener).forPath('/x');
    await keeper.getChildren().watching(listener).forPath('/x');
    await keeper.removeWatch(listener).ofType('CHILDREN').forPath('/x');
    await keeper.removeWatch(listener).ofType('CHILDREN').forPath('/x');
    expect(events.splice(0)).toMatchObject([{ type: 'ChildWatchRemoved', path: '/x' }]);
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    await keeper.removeWatch(listener).forPath('/x');
    expect(events.splice(0)).toMatchObject([{ type: 'DataWatchRemoved', path: '/x' }]);
    await proxy.accept();
    await keeper.delete().forPath('/x');
    expect(events).toEqual([]);
  });

  it('that stay see everything below, over a reconnect too, until they are removed', async () => {
    const { keeper, proxy } = await on.proxied();
    const events: string[] = [];
    await keeper.create().forPath('/tree');
    const watch = await keeper
      .watch()
      .withMode('PERSISTENT_RECURSIVE')
      .forPath('/tree', ({ type, path }) => events.push(`${type} ${path}`));
    await keeper.create().forPath('/tree/a');
    const back = untilState(keeper, 'RECONNECTED');
    proxy.cut();
    await back;
    await keeper.create().forPath('/tree/a/b');
    expect(events).toEqual(['NodeCreated /tree/a', 'NodeCreated /tree/a/b']);
    await watch.remove();
    await watch.remove();
    await keeper.delete().forPath('/tree/a/b');
    expect(events.slice(2)).toEqual(['PersistentWatchRemoved /tree']);
  });

  it('end with their session, and say so', async () => {
    const keeper = await on.keeper();
    const last = new Promise((resolve) => keeper.exists().watching(resolve).forPath('/x'));
    await keeper.sync().forPath('/');
    await on.expire(keeper);
    expect(await last).toEqual({ type: 'None', state: 'Expired', path: null });
  });

  it('may throw: it harms nothing and is told', async () => {
    const keeper = await on.keeper();
    const mine = new Error('mine');
    await keeper
      .exists()
      .watching(() => {
        throw mine;
      })
      .forPath('/x');
    await keeper.create().forPath('/x');
    expect(on.errors).toEqual([{ error: mine, operation: 'watch function', path: `/${keeper.namespace}/x` }]);
  });

  it('must be functions', async () => {
    const keeper = await on.keeper();
    await expect(
      keeper
        .exists()
        .watching('no' as never)
        .forPath('/x'),
    ).rejects.toBeInstanceOf(TypeError);
    await expect(keeper.watch().forPath('/x', undefined as never)).rejects.toBeInstanceOf(TypeError);
  });

  it('are not left by a read that was given up', async () => {
    const { keeper, proxy } = await on.proxied();
    const events: WatchedEvent[] = [];
    const giveUp = new AbortController();
    const read = keeper
      .exists()
      .watching((event) => events.push(event))
      .forPath('/x', { signal: giveUp.signal });
    giveUp.abort('enough');
    await expect(read).rejects.toBe('enough');
    await keeper.create().forPath('/x');
    expect(events).toEqual([]);
    expect(proxy.connectionCount).toBe(1);
  });
});

describeOnSharedServer('a caller who gives up', () => {
  const on = stage();

  it.each([
    ['create', (keeper, signal) => keeper.create().forPath('/x', { signal })],
    ['create with data', (keeper, signal) => keeper.create().forPath('/x', 'data', { signal })],
    ['delete', (keeper, signal) => keeper.delete().forPath('/x', { signal })],
    ['delete of a tree', (keeper, signal) => keeper.delete().deletingChildren().forPath('/x', { signal })],
    ['exists', (keeper, signal) => keeper.exists().forPath('/x', { signal })],
    ['getData', (keeper, signal) => keeper.getData().forPath('/x', { signal })],
    ['setData', (keeper, signal) => keeper.setData().forPath('/x', 'data', { signal })],
    ['getChildren', (keeper, signal) => keeper.getChildren().forPath('/x', { signal })],
    ['getAcl', (keeper, signal) => keeper.getAcl().forPath('/x', { signal })],
    ['setAcl', (keeper, signal) => keeper.setAcl().withAcl([]).forPath('/x', { signal })],
    ['sync', (keeper, signal) => keeper.sync().forPath('/x', { signal })],
    ['transaction', (keeper, signal) => keeper.transaction().check('/x').commit({ signal })],
    ['watch', (keeper, signal) => keeper.watch().forPath('/x', () => {}, { signal })],
  ] as const satisfies [
    string,
    (keeper: Awaited<ReturnType<typeof on.keeper>>, signal: AbortSignal) => Promise<unknown>,
  ][])(
    'of %s is let go at once: before it is sent, and while it waits for a connection or a reply',
    async (_, call) => {
      const { keeper, proxy } = await on.proxied();
      await expect(call(keeper, AbortSignal.abort('before'))).rejects.toBe('before');

      const silent = new AbortController();
      proxy.blackhole();
      const unanswered = call(keeper, silent.signal);
      setImmediate(() => silent.abort('unanswered'));
      await expect(unanswered).rejects.toBe('unanswered');

      const waiting = new AbortController();
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
      const unsent = call(keeper, waiting.signal);
      setImmediate(() => waiting.abort('unsent'));
      await expect(unsent).rejects.toBe('unsent');
    },
  );
});
