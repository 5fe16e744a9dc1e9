import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Keeper } from '@zk-recipes/core';
import {
  type FailedEvent,
  PriorityQueue,
  QUEUE_FAILED_CHANNEL,
  Queue,
  type QueueFailure,
  ShardedQueue,
} from '@zk-recipes/queues';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { describeOnOwnServers, describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { takeStock } from '../stage/leftovers.js';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched, untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnSharedServer('process', () => {
  const on = stage();

  it('acknowledges what its handler returns from, retries what it throws at, and keeps the reason', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine(), { maxAttempts: 3 });
    await queue.putAll(['good', 'bad', 'own', 'shy', 'later']);
    const seen: string[] = [];
    const controller = new AbortController();
    const delays: number[] = [];
    await queue.process(
      async (delivery) => {
        seen.push(`${delivery.value} ${delivery.attempts} ${delivery.lastReason}`);
        if (delivery.value === 'own') await delivery.reject('by itself');
        if (delivery.value === 'shy' && delivery.attempts === 1) throw 'no error';
        if (delivery.value === 'bad') throw new Error('of the handler');
        if (delivery.value === 'shy') controller.abort();
      },
      {
        signal: controller.signal,
        retryDelayMs: (attempts) => {
          delays.push(attempts);
          // In the order in which they came back.
          return 0;
        },
      },
    );
    expect(seen).toEqual([
      ...['good 1 null', 'bad 1 null', 'bad 2 of the handler', 'bad 3 of the handler'],
      ...['own 1 null', 'shy 1 null', 'shy 2 no error'],
    ]);
    expect(delays).toEqual([1, 2, 3, 1]);
    expect(await queue.deadLetters()).toMatchObject([
      { reason: 'gave up after 3 attempts: of the handler', attempts: 3 },
      { reason: 'by itself', attempts: 1 },
    ]);
    expect(await queue.size()).toBe(1);
    await untilUnwatched(on.server, queue.path);
    expect(on.errors).toEqual([]);
  });

  it.each(['Queue', 'PriorityQueue', 'ShardedQueue'])('tells of handlers that throw: %s', async (kind) => {
    const keeper = await on.keeper();
    const Kind = { Queue, PriorityQueue, ShardedQueue }[kind] as typeof Queue;
    const queue = new Kind<string>(keeper, freshLine());
    const published: QueueFailure[] = [];
    const onMessage = (message: unknown): void => void published.push(message as QueueFailure);
    subscribe(QUEUE_FAILED_CHANNEL, onMessage);
    on.afterwards(async () => void unsubscribe(QUEUE_FAILED_CHANNEL, onMessage));
    const failures: FailedEvent<string>[] = [];
    const stopping = new AbortController();
    const listener = (event: FailedEvent<string>): void => void failures.push(event);
    const unheard = (): never => {
      throw new Error('is not to be called');
    };
    const thrown: Readonly<Record<number, unknown>> = {
      1: new Error('of the handler'),
      2: null,
      3: Object.defineProperty({}, 'stack', {
        get: () => {
          throw new Error('of the stack');
        },
      }),
    };
    queue
      .on('failed', () => {
        throw new Error('of the listener');
      })
      .on('failed', async () => {
        throw new Error('of the async listener');
      })
      .on('failed', unheard)
      .on('failed', listener)
      .off('failed', unheard);
    await queue.put('a');
    await queue.process(
      ({ attempts }) => {
        if (attempts in thrown) throw thrown[attempts];
        stopping.abort();
      },
      { signal: stopping.signal, retryDelayMs: () => 0 },
    );
    const [first] = failures;
    expect(failures).toEqual(
      [1, 2, 3].map((attempt) => ({ path: first?.path, attempt, error: thrown[attempt], value: 'a' })),
    );
    expect(first?.path.startsWith(`${queue.path}/`)).toBe(true);
    expect(published.map(({ attempt, error, queue: of }) => [attempt, error, of])).toEqual(
      [1, 2, 3].map((attempt) => [attempt, thrown[attempt], queue.path]),
    );
    expect(published.map(({ stack }) => stack)).toEqual([
      expect.stringMatching(/^Error: of the handler\n +at /),
      null,
      null,
    ]);
    expect(on.errors.map(({ error }) => (error as Error).message).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'of the async listener'),
      ...Array.from({ length: 3 }, () => 'of the listener'),
    ]);
    for (const { operation, path } of on.errors) {
      expect([operation, path]).toEqual(['failed listener of a queue', queue.path]);
    }
    expect(await queue.size()).toBe(0);
    expect(() => queue.on('fail' as 'failed', listener)).toThrow("Expected `event` to be 'failed', got 'fail'");
    expect(() => queue.on('failed', 5 as unknown as typeof listener)).toThrow(TypeError);
  });

  it('tells of a handler that throws after it has settled its delivery, or lost it', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('a');
    const stopping = new AbortController();
    const failures: unknown[] = [];
    queue.on('failed', ({ error }) => failures.push(error));
    await queue.process(
      async (delivery) => {
        await delivery.ack();
        stopping.abort();
        throw 'after the end';
      },
      { signal: stopping.signal },
    );
    expect(failures).toEqual(['after the end']);
    expect(await queue.size()).toBe(0);
  });

  it('works on several at once, and ends when they have ended', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    await queue.putAll([1, 2, 3, 4, 5]);
    const controller = new AbortController();
    const release: (() => void)[] = [];
    let most = 0;
    const processing = queue.process(
      () =>
        new Promise<void>((resolve) => {
          release.push(resolve);
          most = Math.max(most, release.length);
        }),
      { concurrency: 3, signal: controller.signal },
    );
    await untilNames(keeper, `${queue.path}-side/claims`, 3);
    await expect.poll(() => release.length).toBe(3);
    controller.abort();
    let hasEnded = false;
    void processing.then(() => {
      hasEnded = true;
    });
    await keeper.sync().forPath('/');
    expect(hasEnded).toBe(false);
    for (const goOn of release) goOn();
    await processing;
    expect([most, await queue.size()]).toEqual([3, 2]);
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    await queue.process(() => {}, { signal: AbortSignal.abort() });
  });
});

describeOnOwnServers('queues over and over', { timeout: 120_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it('row 14: items come and go, and so do consumers: nothing piles up', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<number>(keeper, freshLine());
    const deliveries = queue.consume();
    const oneRound = async (round: number): Promise<void> => {
      await queue.put(round);
      const { value: delivery } = await deliveries.next();
      expect(delivery?.value).toBe(round);
      if (round % 7 === 0) await delivery?.retry();
      else await delivery?.ack();
      if (round % 7 === 0) await (await deliveries.next()).value?.ack();
      if (round % 50 === 0) {
        const controller = new AbortController();
        const taking = queue.take({ signal: controller.signal }).catch(() => {});
        controller.abort();
        await taking;
      }
    };
    for (let round = 1; round <= 300; round++) await oneRound(round);
    const before = await takeStock(keeper);
    for (let round = 1; round <= times(1_000, 10_000); round++) await oneRound(round);
    const after = await takeStock(keeper);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2 * 1024 * 1024);
    expect(after.timers - before.timers).toBeLessThanOrEqual(1);
    expect(after.listeners).toBe(before.listeners);
    await deliveries.return?.();
    for (const place of ['claims', 'attempts', 'line', 'markers'])
      await untilEmpty(keeper, `${queue.path}-side/${place}`);
    await untilWatchCount(on.server, 0);
    expect(on.errors).toEqual([]);
  });
});

describeOnOwnServers('row 5', () => {
  it('a consumer that was stopped beyond its session learns at its first look that the item is not its any more', async () => {
    const clock = new VirtualClock();
    await using server = await TestServer.start({ clock });
    const keeper = await Keeper.connect({ connectString: server.connectString, sessionTimeoutMs: 1_000 });
    const queue = new Queue<string>(keeper, '/jobs/queue');
    await queue.put('job');
    const delivery = await queue.take();
    // Nothing is heard nor sent, like in a process that stands still.
    const until = performance.now() + 2 * keeper.sessionTimeoutMs;
    while (performance.now() < until);
    expect([delivery.validForMs(), delivery.signal.aborted, delivery.state]).toEqual([0, true, 'lost']);
    expect(() => delivery.guard()).toThrow('is not held');
    await expect(delivery.ack()).rejects.toMatchObject({ reason: 'validity' });
    await keeper.close();
  });
});
