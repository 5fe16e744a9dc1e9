import type { TcpProxy } from '@zk-recipes/test-support';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import {
  Keeper,
  type KeeperOptions,
  retryForever,
  retryNTimes,
  TimeLimitError,
  type WatchedEvent,
} from '../src/index.js';
import { stage, untilState, wire } from './stage.js';

const LIMIT_MS = 300;
/** More than the test machine needs to notice that the limit has passed, and less than any other limit of these keepers. */
const SOON_MS = 2_500;

describeOnSharedServer('operationTimeoutMs', () => {
  const on = stage();

  const scene = async (options: Partial<KeeperOptions> = {}) => {
    const retry = retryForever({ delayMs: 20 });
    const { keeper, proxy } = await on.proxied({ operationTimeoutMs: LIMIT_MS, retry, ...options });
    const observer = await on.keeper({ namespace: keeper.namespace });
    await observer.create().creatingParents().forPath('/dir/x', 'before');
    return { keeper, proxy, observer };
  };

  /** Breaks the connection and lets no new one come. */
  const refuse = async (keeper: Keeper, proxy: TcpProxy): Promise<void> => {
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
  };

  /** What the operation rejected with, when the limit had passed and not much later. */
  const lossOf = async (operation: () => Promise<unknown>): Promise<unknown> => {
    const beganMs = performance.now();
    const error = await operation().then(
      () => expect.unreachable('the operation succeeded'),
      (caught: unknown) => caught,
    );
    const tookMs = performance.now() - beganMs;
    // A timer may fire a millisecond early.
    expect(tookMs).toBeGreaterThanOrEqual(LIMIT_MS - 2);
    expect(tookMs).toBeLessThan(LIMIT_MS + SOON_MS);
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
    expect((error as Error).cause).toBeInstanceOf(TimeLimitError);
    expect((error as Error).message).toContain(`not done within ${LIMIT_MS} ms (operationTimeoutMs)`);
    return error;
  };

  const operations: readonly (readonly [string, (keeper: Keeper) => Promise<unknown>])[] = [
    ['a read', (keeper) => keeper.getData().forPath('/dir/x')],
    ['exists', (keeper) => keeper.exists().forPath('/dir/x')],
    ['a watch', (keeper) => keeper.watch().forPath('/dir/x', () => {})],
    ['a create', (keeper) => keeper.create().creatingParents().forPath('/dir/new/y')],
    ['a protected create', (keeper) => keeper.create().withProtection().forPath('/dir/y')],
    ['a setData', (keeper) => keeper.setData().forPath('/dir/x', 'after')],
    ['a delete', (keeper) => keeper.delete().forPath('/dir/x')],
    ['a transaction', (keeper) => keeper.transaction().setData('/dir/x', 'after').commit()],
    [
      'a protected transaction',
      (keeper) => keeper.transaction().create('/dir/y', null, { protection: true }).setData('/dir/x', 'after').commit(),
    ],
  ];

  it.each(operations)('ends %s that finds no connection, and its request is not sent later', async (_, operation) => {
    const { keeper, proxy, observer } = await scene();
    await refuse(keeper, proxy);
    expect(await lossOf(() => operation(keeper))).toMatchObject({ outcome: 'not-sent' });
    const back = untilState(keeper, 'RECONNECTED');
    await proxy.accept();
    await back;
    await keeper.sync().forPath('/dir');
    expect(await observer.getChildren().forPath('/dir')).toEqual(['x']);
    expect((await observer.getData().forPath('/dir/x'))?.toString()).toBe('before');
    for (const op of [wire.create, wire.setData, wire.delete, wire.multi, wire.getData]) {
      expect(proxy.requestCount(op)).toBe(0);
    }
  });

  it.each(operations)('ends %s on a connection that has fallen silent', async (_, operation) => {
    const { keeper, proxy } = await scene();
    proxy.blackhole();
    expect(await lossOf(() => operation(keeper))).toMatchObject({ outcome: 'unknown' });
    expect(keeper.connectionState).toBe('CONNECTED');
    proxy.heal();
  });

  it('removes in the background what a protected create has made, whose reply did not come in time', async () => {
    const { keeper, proxy, observer } = await scene();
    proxy.blackhole({ direction: 'to-client' });
    const loss = lossOf(() => keeper.create().withProtection().forPath('/dir/y'));
    await until(async () => ((await observer.getChildren().forPath('/dir')).length === 2 ? true : undefined), {
      what: 'the znode to be created',
    });
    expect(await loss).toMatchObject({ outcome: 'unknown' });
    proxy.heal();
    await until(async () => ((await observer.getChildren().forPath('/dir')).length === 1 ? true : undefined), {
      what: 'the znode to be removed',
    });
  });

  it.each(['has no connection', 'is never answered'] as const)(
    'resolves a guaranteed delete that %s, which goes on in the background',
    async (way) => {
      const { keeper, proxy, observer } = await scene();
      if (way === 'is never answered') proxy.blackhole();
      else await refuse(keeper, proxy);
      const beganMs = performance.now();
      await keeper.delete().guaranteed().forPath('/dir/x');
      expect(performance.now() - beganMs).toBeGreaterThanOrEqual(LIMIT_MS - 2);
      expect(await observer.exists().forPath('/dir/x')).not.toBeNull();
      proxy.heal();
      await proxy.accept();
      await until(async () => ((await observer.exists().forPath('/dir/x')) === null ? true : undefined), {
        what: 'the znode to be deleted',
      });
      expect(on.errors).toEqual([]);
    },
  );

  it('bounds the removal of a watch, which is done here in any case', async () => {
    const { keeper, proxy, observer } = await scene();
    const events: WatchedEvent[] = [];
    const onEvent = (event: WatchedEvent): void => void events.push(event);
    await keeper.getData().watching(onEvent).forPath('/dir/x');
    proxy.blackhole({ direction: 'to-client' });
    const beganMs = performance.now();
    await keeper.removeWatch(onEvent).forPath('/dir/x');
    expect(performance.now() - beganMs).toBeLessThan(LIMIT_MS + SOON_MS);
    await observer.setData().forPath('/dir/x', 'after');
    proxy.heal();
    await keeper.unlimited.sync().forPath('/dir/x');
    expect(events.filter(({ type }) => type === 'NodeDataChanged')).toEqual([]);
  });

  it('bounds all requests together that requestTimeoutMs bounds one by one, and says what the last attempt said', async () => {
    const { keeper, proxy } = await scene({ requestTimeoutMs: 100 });
    await refuse(keeper, proxy);
    const error = await lossOf(() => keeper.getData().forPath('/dir/x'));
    expect((error as Error).message).toContain('the last attempt: getData');
    expect((error as Error).message).toContain('no connection within 100 ms');
  });

  it('leaves the smaller limit of the retry policy alone', async () => {
    const retry = retryNTimes({ retries: 1, delayMs: 10 });
    const { keeper, proxy } = await scene({ requestTimeoutMs: 50, operationTimeoutMs: 60_000, retry });
    await refuse(keeper, proxy);
    await expect(keeper.getData().forPath('/dir/x')).rejects.toMatchObject({
      outcome: 'not-sent',
      cause: { message: 'no connection within 50 ms' },
    });
  });

  it('bounds nothing when it is infinite, nor the operations of the unlimited keeper', async () => {
    const { keeper, proxy } = await scene({ requestTimeoutMs: 50 });
    const connectString = proxy.connectString;
    const { namespace } = keeper;
    const infinite = await Keeper.connect({
      ...{ connectString, namespace, operationTimeoutMs: Number.POSITIVE_INFINITY, requestTimeoutMs: 50 },
      ...{ retry: retryForever({ delayMs: 20 }), reconnect: { minDelayMs: 5, maxDelayMs: 20 } },
    });
    try {
      const suspended = untilState(infinite, 'SUSPENDED');
      await refuse(keeper, proxy);
      await suspended;
      const reads = [infinite, keeper.unlimited].map((one) => one.getData().forPath('/dir/x'));
      await lossOf(() => keeper.getData().forPath('/dir/x'));
      await proxy.accept();
      expect((await Promise.all(reads)).map(String)).toEqual(['before', 'before']);
    } finally {
      await infinite.close();
    }
  });

  it('comes after the signal of a caller who gives up before', async () => {
    const { keeper, proxy } = await scene({ operationTimeoutMs: 60_000 });
    await refuse(keeper, proxy);
    const giveUp = new AbortController();
    const reading = keeper.getData().forPath('/dir/x', { signal: giveUp.signal });
    giveUp.abort('enough');
    await expect(reading).rejects.toBe('enough');
  });

  it('bounds the waiting for a new session', async () => {
    const { keeper, proxy } = await scene();
    const lost = untilState(keeper, 'LOST');
    // The next session is being opened when the state is told.
    const refusing = lost.then(() => refuseNew(proxy));
    await on.expire(keeper);
    await refusing;
    expect(await lossOf(() => keeper.getData().forPath('/dir/x'))).toMatchObject({
      operation: 'open session',
      outcome: 'not-sent',
    });
    await proxy.accept();
    expect((await keeper.unlimited.getData().forPath('/dir/x'))?.toString()).toBe('before');
    expect(keeper.sessionEpoch).toBe(2);
  });
});

describeOnSharedServer('the unlimited keeper', () => {
  const on = stage();

  it('is always the same, one for each namespace, over the same session', async () => {
    const keeper = await on.keeper();
    const { unlimited } = keeper;
    expect(unlimited).toBeInstanceOf(Keeper);
    expect(unlimited).not.toBe(keeper);
    expect(keeper.unlimited).toBe(unlimited);
    expect(unlimited.unlimited).toBe(unlimited);
    expect(unlimited.limited).toBe(keeper);
    expect(keeper.limited).toBe(keeper);
    expect(unlimited.usingNamespace('other')).toBe(keeper.usingNamespace('other').unlimited);
    expect(unlimited.usingNamespace('other').limited).toBe(keeper.usingNamespace('other'));
    expect([unlimited.namespace, unlimited.sessionId]).toEqual([keeper.namespace, keeper.sessionId]);
    expect([unlimited.operationTimeoutMs, keeper.operationTimeoutMs]).toEqual([30_000, 30_000]);
    await unlimited.close();
    expect(keeper.closed).toBe(false);
  });

  it('knows a watch that was set by the other', async () => {
    const keeper = await on.keeper();
    await keeper.create().forPath('/x');
    const events: unknown[] = [];
    const onEvent = (event: unknown): void => void events.push(event);
    await keeper.unlimited.getData().watching(onEvent).forPath('/x');
    await keeper.removeWatch(onEvent).ofType('DATA').forPath('/x');
    await keeper.setData().forPath('/x', 'changed');
    await keeper.sync().forPath('/x');
    expect(events).toMatchObject([{ type: 'DataWatchRemoved' }]);
  });
});

function refuseNew(proxy: TcpProxy): void {
  proxy.refuse();
  proxy.cut();
}
