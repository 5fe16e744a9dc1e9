import { ClosedError, type Keeper, type KeeperOptions, SelfWaitError } from '@zk-recipes/core';
import { type Delivery, IdQueue, Queue, ShardedQueue, SimpleQueue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine, ownServer, type ProxiedKeeper, stage, untilState } from '../stage/stage.js';

/** The limit of the endings in these tests, and the longest time that one may take on a busy machine. */
const TIMEOUT_MS = 300;
const BOUND_MS = 1_500;
/** How long a caller that has given up may wait on a busy machine: a quarter of a second for what is left, and as much again. */
const GRACE_MS = 800;

/** A way in which servers stop answering, and how they come back. */
interface Outage {
  begin(scene: ProxiedKeeper): Promise<unknown> | unknown;
  end(scene: ProxiedKeeper): Promise<unknown> | unknown;
}

/** What a consumer does when it is ended. */
const situations = {
  'it waits for an item': { items: 0, prefetch: 0 },
  'its handler runs': { items: 1, prefetch: 0 },
  'it has claimed items ahead': { items: 5, prefetch: 3 },
  'an acknowledgement is under way': { items: 1, prefetch: 0 },
} as const;
type Situation = keyof typeof situations;

describeOnOwnServers('the end of a consumer', { timeout: 60_000 }, () => {
  const server = ownServer({ tickTimeMs: 250 });
  const on = stage(() => server().connectString);

  const outages: Readonly<Record<string, Outage>> = {
    'servers refuse connections': {
      begin: ({ proxy }) => {
        proxy.refuse();
        proxy.cut();
      },
      end: ({ proxy }) => proxy.accept(),
    },
    'servers are silent': { begin: ({ proxy }) => proxy.blackhole(), end: ({ proxy }) => proxy.heal() },
    'servers are paused': { begin: () => server().pause(), end: () => server().resume() },
    'servers have lost their data': { begin: () => server().wipe(), end: () => server().start() },
    'its session has expired': { begin: ({ keeper }) => expire(keeper, on.server), end: () => {} },
    'its session was replaced': {
      begin: ({ proxy }) => {
        proxy.forgetSessions();
        proxy.cut();
      },
      end: ({ proxy }) => proxy.forgetSessions(false),
    },
  };

  /** Paths of what was told to be left, relative to what lies beside the queue. */
  const leftBehind = (queue: { readonly path: string }): string[] =>
    on.errors
      .filter(({ operation }) => operation === 'left behind')
      .map(({ path }) => path?.slice(`${queue.path}-side/`.length) ?? '')
      .sort();

  const untilLeftBehind = (queue: { readonly path: string }, count: number): Promise<string[]> =>
    until(
      () => {
        const paths = leftBehind(queue);
        return paths.length >= count ? paths : undefined;
      },
      { what: `${count} znodes to be told as left behind`, everyMs: 5 },
    );

  /** How long something takes, in milliseconds. */
  const timeOf = async (work: Promise<unknown>): Promise<number> => {
    const beganMs = performance.now();
    await work;
    return performance.now() - beganMs;
  };

  /** A queue of `process` whose handler works on each item until it is told to end. */
  async function workerOn(
    scene: ProxiedKeeper,
    { items, prefetch }: { items: number; prefetch: number },
    observerOptions: Partial<KeeperOptions> = {},
  ) {
    const observer = await on.keeper(observerOptions);
    const path = freshLine();
    const filled = new Queue<number>(observer, path);
    await filled.putAll(Array.from({ length: items }, (_, index) => index));
    const stopping = new AbortController();
    const seen: Delivery<number>[] = [];
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const handler = async (delivery: Delivery<number>): Promise<void> => {
      seen.push(delivery);
      await finished;
    };
    const options = { signal: stopping.signal, prefetch, timeoutMs: TIMEOUT_MS };
    const processing = new Queue<number>(scene.keeper, path, { maxAttempts: 9 }).process(handler, options);
    // A failure is seen by the test when it waits for the end.
    processing.catch(() => {});
    if (items === 0) await untilNames(observer, `${path}-side/line`, 1);
    else {
      await untilNames(observer, `${path}-side/claims`, 1 + prefetch);
      await until(() => (seen.length > 0 ? true : undefined), { what: 'the handler to run', everyMs: 2 });
    }
    return { observer, path, filled, seen, stopping, finish, processing };
  }

  describe.each(Object.keys(situations) as Situation[])('when %s', (situation) => {
    const { items, prefetch } = situations[situation];
    const isAcknowledging = situation === 'an acknowledgement is under way';

    it.each(
      Object.keys(outages).flatMap((name) => [
        [name, 'before'],
        [name, 'during'],
      ]),
    )('is bounded if %s %s the end, and leaves nothing for good', async (name, when) => {
      // A session that the servers do not know is over after 4/3 of its timeout.
      const options = name === 'servers have lost their data' ? { sessionTimeoutMs: 1_500 } : {};
      const scene = await on.proxied(options);
      const worker = await workerOn(scene, { items, prefetch }, options);
      const outage = outages[name] as Outage;
      try {
        if (when === 'before') await outage.begin(scene);
        if (isAcknowledging) worker.finish();
        worker.stopping.abort();
        if (when === 'during') await outage.begin(scene);
        if (items > 0 && !isAcknowledging) expect(await isSettled(worker.processing)).toBe(false);
        worker.finish();
        expect(await timeOf(worker.processing)).toBeLessThan(BOUND_MS);
        expect(worker.seen.length).toBe(Math.min(1, items));
      } finally {
        await outage.end(scene);
      }
      const { observer, path, filled } = worker;
      await untilEmpty(observer, `${path}-side/line`);
      await untilEmpty(observer, `${path}-side/claims`);
      if (name === 'servers have lost their data') return;
      const left: { value: number; attempts: number }[] = [];
      for (let count = await filled.size(); count > 0; count--) {
        const delivery = await filled.take();
        left.push({ value: delivery.value, attempts: delivery.attempts });
        await delivery.ack();
      }
      // Of the first item the acknowledgement may not have been executed.
      if (left[0]?.value === 0) left.shift();
      expect(left.map(({ value }) => value)).toEqual([1, 2, 3, 4].slice(0, Math.max(0, items - 1)));
      // What the handler has not seen was no attempt. After the end of a session another consumer may be faster than the correction.
      if (!name.startsWith('its session')) expect(left.filter(({ attempts }) => attempts > 1)).toEqual([]);
    });
  });

  it('waits for handlers without limit, and their claims stand until they have ended', async () => {
    const scene = await on.proxied();
    const worker = await workerOn(scene, situations['its handler runs']);
    worker.stopping.abort();
    const limit = AbortSignal.timeout(2 * TIMEOUT_MS);
    await new Promise((resolve) => limit.addEventListener('abort', resolve));
    expect(await isSettled(worker.processing)).toBe(false);
    expect(worker.seen[0]?.state).toBe('held');
    expect(worker.seen[0]?.signal.aborted).toBe(false);
    await untilNames(worker.observer, `${worker.path}-side/claims`, 1);
    worker.finish();
    await worker.processing;
    expect(await worker.filled.size()).toBe(0);
    expect(on.errors).toEqual([]);
  });

  it('tells each claim and each place that is left when the limit has passed', async () => {
    const scene = await on.proxied();
    const worker = await workerOn(scene, situations['it has claimed items ahead']);
    const claims = (await worker.observer.getChildren().forPath(worker.path)).sort().slice(0, 4);
    scene.proxy.blackhole();
    worker.stopping.abort();
    worker.finish();
    await worker.processing;
    expect(await untilLeftBehind(worker, 4)).toEqual(claims.map((name) => `claims/${name}`));

    const idleScene = await on.proxied();
    const idle = await workerOn(idleScene, situations['it waits for an item']);
    const [place] = await idle.observer.getChildren().forPath(`${idle.path}-side/line`);
    idleScene.proxy.blackhole();
    idle.stopping.abort();
    await idle.processing;
    const told = on.errors.filter(({ path }) => path === `${idle.path}-side/line/${place}`);
    expect(told).toMatchObject([{ operation: 'left behind' }]);
  });

  describe.each(['servers refuse connections', 'servers are silent'])('if %s', (name) => {
    const outage = outages[name] as Outage;

    it('a take that waits is given up in time', async () => {
      const scene = await on.proxied();
      const observer = await on.keeper();
      const queue = new Queue<string>(scene.keeper, freshLine());
      const controller = new AbortController();
      const taking = queue.take({ signal: controller.signal });
      taking.catch(() => {});
      await untilNames(observer, `${queue.path}-side/line`, 1);
      await outage.begin(scene);
      const reason = new Error('enough');
      controller.abort(reason);
      expect(await timeOf(expect(taking).rejects.toBe(reason))).toBeLessThan(GRACE_MS);
      await outage.end(scene);
      await untilEmpty(observer, `${queue.path}-side/line`);
    });

    it('every verb that is given up rejects at its signal', async () => {
      const scene = await on.proxied();
      const observer = await on.keeper();
      const path = freshLine();
      const queue = new Queue<string>(scene.keeper, path);
      const ids = new IdQueue<string>(scene.keeper, freshLine());
      const full = new Queue<string>(scene.keeper, freshLine(), { maxItems: 1 });
      const simple = new SimpleQueue(scene.keeper, freshLine());
      const shards = new ShardedQueue<string>(scene.keeper, freshLine());
      await full.put('a');
      await full.take().then((delivery) => delivery.reject());
      const [letter] = await full.deadLetters();
      await full.put('b');
      const asking = new AbortController();
      const waiting = [queue.take({ signal: asking.signal }), queue.consume({ signal: asking.signal }).next()];
      for (const one of waiting) one.catch(() => {});
      await untilNames(observer, `${path}-side/line`, 2);
      await outage.begin(scene);
      const { signal } = asking;
      const calls = {
        'take that waits': waiting[0],
        'next that waits': waiting[1],
        take: queue.take({ signal }),
        next: queue.consume({ signal }).next(),
        peek: queue.peek({ signal }),
        size: queue.size({ signal }),
        put: queue.put('a', { signal }),
        'put that waits for room': full.put('c', { signal }),
        deadLetters: full.deadLetters({ signal }),
        revive: letter && full.revive(letter, { signal }),
        remove: ids.remove('a', { signal }),
        'take of shards': shards.take({ signal }),
        'next of shards': shards.consume({ signal }).next(),
        'put of shards': shards.put('a', { signal }),
        'size of shards': shards.size({ signal }),
        offer: simple.offer(Buffer.from('a'), { signal }),
        poll: simple.poll({ signal }),
        'take of a simple queue': simple.take({ signal }),
        'peek of a simple queue': simple.peek({ signal }),
        'size of a simple queue': simple.size({ signal }),
      };
      const reason = new Error('enough');
      const beganMs = performance.now();
      const ends = Object.entries(calls).map(async ([name, call]) => {
        await expect(call as Promise<unknown>, name).rejects.toBe(reason);
        return [name, performance.now() - beganMs] as const;
      });
      asking.abort(reason);
      const late = (await Promise.all(ends)).filter(([, ms]) => ms > GRACE_MS);
      expect(late).toEqual([]);
      await outage.end(scene);
      await untilEmpty(observer, `${path}-side/line`);
      expect(on.errors.filter(({ operation }) => operation !== 'left behind')).toEqual([]);
    });

    it.each(['return()', 'signal'])('a loop that is ended by %s gives back what is unsettled in time', async (how) => {
      const scene = await on.proxied();
      const observer = await on.keeper();
      const queue = new Queue<string>(scene.keeper, freshLine());
      await queue.put('a');
      const controller = new AbortController();
      const deliveries = queue.consume({ signal: controller.signal, timeoutMs: TIMEOUT_MS });
      const { value: delivery } = await deliveries.next();
      await outage.begin(scene);
      const reason = new Error('enough');
      if (how === 'signal') controller.abort(reason);
      const ending = how === 'signal' ? expect(deliveries.next()).rejects.toBe(reason) : deliveries.return?.();
      expect(await timeOf(ending as Promise<unknown>)).toBeLessThan(BOUND_MS);
      await outage.end(scene);
      await untilEmpty(observer, `${queue.path}-side/claims`);
      await until(() => (delivery?.state === 'settled' ? true : undefined), { what: 'the delivery to be given back' });
      expect((await new Queue<string>(observer, queue.path).take()).attempts).toBe(2);
    });

    it('all that wait for a simple queue, or for room, leave the line in time', async () => {
      const scene = await on.proxied();
      const observer = await on.keeper();
      const simple = new SimpleQueue(scene.keeper, freshLine());
      const full = new Queue<string>(scene.keeper, freshLine(), { maxItems: 1 });
      await full.put('a');
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = [simple.take({ signal }), full.put('b', { signal })];
      for (const one of waiting) one.catch(() => {});
      await untilNames(observer, `${simple.path}-side/takers`, 1);
      await untilNames(observer, `${full.path}-side/producers`, 1);
      await outage.begin(scene);
      const reason = new Error('enough');
      controller.abort(reason);
      const ends = Promise.all(waiting.map((one) => expect(one).rejects.toBe(reason)));
      expect(await timeOf(ends)).toBeLessThan(BOUND_MS);
      await outage.end(scene);
      await untilEmpty(observer, `${simple.path}-side/takers`);
      await untilEmpty(observer, `${full.path}-side/producers`);
    });

    it('a process that stops, and then its keeper, end within three seconds', async () => {
      const scene = await on.proxied();
      const queue = new Queue<number>(scene.keeper, freshLine(), { maxAttempts: 9 });
      await queue.putAll([1, 2, 3, 4]);
      const controller = new AbortController();
      let beganMs = Number.NaN;
      const handler = async (): Promise<void> => {
        await untilNames(await on.keeper(), `${queue.path}-side/claims`, 3);
        await outage.begin(scene);
        controller.abort();
        beganMs = performance.now();
      };
      await queue.process(handler, { signal: controller.signal, prefetch: 2 });
      await scene.keeper.close();
      // Half a second for a busy machine.
      expect(performance.now() - beganMs).toBeLessThan(3_500);
    });

    it('a delivery is disposed of in time', async () => {
      const scene = await on.proxied();
      const observer = await on.keeper();
      const queue = new Queue<string>(scene.keeper, freshLine());
      await queue.put('a');
      const delivery = await queue.take();
      await outage.begin(scene);
      expect(await timeOf(delivery[Symbol.asyncDispose]())).toBeLessThan(2_000 + BOUND_MS);
      await outage.end(scene);
      await untilEmpty(observer, `${queue.path}-side/claims`);
    });

    it('the end of a consumer of shards that are not made yet waits for nothing', async () => {
      const scene = await on.proxied();
      const queue = new ShardedQueue<string>(scene.keeper, freshLine());
      await outage.begin(scene);
      const controller = new AbortController();
      const processing = queue.process(() => {}, { signal: controller.signal });
      const deliveries = queue.consume();
      const next = deliveries.next();
      expect(await isSettled(Promise.race([processing, next]))).toBe(false);
      controller.abort();
      expect(await timeOf(Promise.all([processing, deliveries.return?.()]))).toBeLessThan(BOUND_MS);
      expect(await next).toEqual({ done: true, value: undefined });
      await outage.end(scene);
    });

    it('all that wait for items end as closed within a second of close()', async () => {
      const scene = await on.proxied();
      const queue = new Queue<string>(scene.keeper, freshLine());
      const waiting: Promise<unknown>[] = [
        ...Array.from({ length: 30 }, () => queue.take()),
        ...Array.from({ length: 5 }, () => queue.process(() => {}, { concurrency: 3, prefetch: 0 })),
        ...Array.from({ length: 5 }, () => queue.consume().next()),
      ];
      // Their failures are seen at the end.
      for (const one of waiting) one.catch(() => {});
      await untilNames(await on.keeper(), `${queue.path}-side/line`, 40);
      await outage.begin(scene);
      // Their first requests are not answered.
      waiting.push(...Array.from({ length: 5 }, () => queue.take()));
      waiting.push(
        queue.process(() => {}),
        queue.consume().next(),
      );
      const ends = waiting.map((one) =>
        one.then(
          () => 'resolved',
          (error: unknown) => error,
        ),
      );
      expect(await isSettled(Promise.race(ends))).toBe(false);
      const closing = scene.keeper.close();
      expect(await timeOf(Promise.all(ends))).toBeLessThan(1_000);
      for (const end of await Promise.all(ends)) expect(end).toBeInstanceOf(ClosedError);
      await closing;
    });
  });

  it('waits for all handlers when the keeper is closed', async () => {
    const scene = await on.proxied();
    const queue = new Queue<string>(scene.keeper, freshLine());
    await queue.put('a');
    let finish = (): void => {};
    let isRunning = false;
    const handler = async (): Promise<void> => {
      isRunning = true;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    const processing = expect(queue.process(handler, { concurrency: 2 })).rejects.toThrow(ClosedError);
    await until(() => (isRunning ? true : undefined), { what: 'the handler to run', everyMs: 2 });
    await scene.keeper.close();
    expect(await isSettled(processing)).toBe(false);
    finish();
    await processing;
  });

  describe('if the server refuses it', () => {
    const ALL = 31;
    const DELETE = 8;
    const permit = async (keeper: Keeper, { path }: { readonly path: string }, perms: number): Promise<void> => {
      const acl = [{ perms, id: { scheme: 'world', id: 'anyone' } }];
      await keeper.setAcl().withAcl(acl).forPath(`${path}-side/claims`);
    };

    it('an acknowledgement of process goes on in the background, and is done once it is permitted', async () => {
      const scene = await on.proxied();
      const worker = await workerOn(scene, situations['its handler runs']);
      await permit(worker.observer, worker, ALL - DELETE);
      worker.stopping.abort();
      worker.finish();
      expect(await timeOf(worker.processing)).toBeLessThan(BOUND_MS);
      expect(await untilLeftBehind(worker, 1)).toEqual([expect.stringMatching(/^claims\/queue-/)]);
      expect(await worker.filled.size()).toBe(1);
      await permit(worker.observer, worker, ALL);
      await untilEmpty(worker.observer, `${worker.path}-side/claims`);
      expect(await worker.filled.size()).toBe(0);
      expect(leftBehind(worker)).toHaveLength(1);
    });

    it('an acknowledgement that a handler has begun and not waited for is done once it is permitted', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      const controller = new AbortController();
      const handler = async (delivery: Delivery<string>): Promise<void> => {
        await permit(keeper, queue, ALL - DELETE);
        delivery.ack().catch(() => {});
        controller.abort();
      };
      await queue.process(handler, { signal: controller.signal });
      expect(await untilLeftBehind(queue, 1)).toEqual([expect.stringMatching(/^claims\/queue-/)]);
      await permit(keeper, queue, ALL);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      expect(await queue.size()).toBe(0);
    });

    it('what was claimed ahead is given back once it is permitted, and was no attempt', async () => {
      const scene = await on.proxied();
      const worker = await workerOn(scene, situations['it has claimed items ahead']);
      await permit(worker.observer, worker, ALL - DELETE);
      worker.stopping.abort();
      worker.finish();
      expect(await timeOf(worker.processing)).toBeLessThan(BOUND_MS);
      expect(await untilLeftBehind(worker, 4)).toHaveLength(4);
      await permit(worker.observer, worker, ALL);
      await untilEmpty(worker.observer, `${worker.path}-side/claims`);
      const next = await worker.filled.take();
      expect([next.value, next.attempts]).toEqual([1, 1]);
    });

    it('ack() rejects anew each time, and a disposal goes on in the background', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      const delivery = await queue.take();
      await permit(keeper, queue, ALL - DELETE);
      for (let time = 0; time < 2; time++) await expect(delivery.ack()).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      await delivery[Symbol.asyncDispose]();
      expect(delivery.state).toBe('held');
      await permit(keeper, queue, ALL);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
      await until(() => (delivery.state === 'settled' ? true : undefined), { what: 'the end of the delivery' });
      expect(leftBehind(queue)).toHaveLength(1);
    });

    it('a second disposal tries again', async () => {
      const keeper = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      const delivery = await queue.take();
      await permit(keeper, queue, ALL - DELETE);
      await delivery[Symbol.asyncDispose]();
      expect(delivery.state).toBe('held');
      await permit(keeper, queue, ALL);
      await delivery[Symbol.asyncDispose]();
      expect(delivery.state).toBe('settled');
    });

    it('goes on until the session is over, and no longer', async () => {
      const { keeper } = await on.proxied();
      const observer = await on.keeper();
      const queue = new Queue<string>(keeper, freshLine());
      await queue.put('a');
      const delivery = await queue.take();
      await permit(observer, queue, ALL - DELETE);
      await delivery[Symbol.asyncDispose]();
      const lost = untilState(keeper, 'LOST');
      await expire(keeper, on.server);
      await lost;
      await untilEmpty(observer, `${queue.path}-side/claims`);
      expect(delivery.state).toBe('lost');
      expect(leftBehind(queue)).toHaveLength(1);
    });
  });

  it('a handler that awaits its own process is refused, which ends all the same', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('a');
    const controller = new AbortController();
    let refusal: unknown;
    const working: Promise<void> = queue.process(
      async () => {
        controller.abort();
        await working.catch((error: unknown) => {
          refusal = error;
        });
      },
      { signal: controller.signal },
    );
    await working;
    expect(refusal).toBeInstanceOf(SelfWaitError);
    expect(await queue.size()).toBe(0);
    expect(on.errors).toEqual([]);
  });

  it('tries an item again after the default delay if retryDelayMs throws', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('a');
    const controller = new AbortController();
    const attempts: number[] = [];
    const beganMs = performance.now();
    await queue.process(
      (delivery) => {
        attempts.push(delivery.attempts);
        if (delivery.attempts === 1) throw new Error('of the handler');
        controller.abort();
      },
      {
        signal: controller.signal,
        retryDelayMs: () => {
          throw new Error('of the delay');
        },
      },
    );
    expect(attempts).toEqual([1, 2]);
    expect(performance.now() - beganMs).toBeGreaterThan(900);
    expect(on.errors).toMatchObject([{ operation: 'retryDelayMs of a queue', error: { message: 'of the delay' } }]);
  });
});
