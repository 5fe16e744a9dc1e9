import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import { type Hold, type Keeper, type KeeperOptions, retryForever, TimeLimitError } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { Mutex } from '@zk-recipes/locks';
import { Queue, ShardedQueue, SimpleQueue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { describe, expect, it } from 'vitest';
import { lockContestant, lockKinds, znodesOf } from '../stage/lock-contestants.js';
import { freshLine, type ProxiedKeeper, stage, untilState } from '../stage/stage.js';

const LIMIT_MS = 300;
/** More than the test machine needs to notice that the limit has passed, and less than any other limit of these keepers. */
const SOON_MS = 2_000;

const scene: Partial<KeeperOptions> = { operationTimeoutMs: LIMIT_MS, retry: retryForever({ delayMs: 20 }) };

async function refuse({ keeper, proxy }: ProxiedKeeper): Promise<void> {
  const suspended = untilState(keeper, 'SUSPENDED');
  proxy.refuse();
  proxy.cut();
  await suspended;
}

/** What an operation of the fluent API rejects with once the limit has passed. */
async function untilLimitHasPassed(keeper: Keeper): Promise<void> {
  await expect(keeper.exists().forPath('/')).rejects.toMatchObject({ cause: { code: 'ZK_TIME_LIMIT' } });
}

/** A recipe's verb that waits for others, with what it needs on the server. */
interface Waiting {
  readonly name: string;
  /** Prepared by another process. */
  prepare?(other: Keeper, path: string): Promise<unknown>;
  wait(keeper: Keeper, path: string): Promise<unknown>;
}

const handlers = {
  prepare: async () => 'commit' as const,
  commit: async () => {},
  abort: async () => {},
};

const waits: readonly Waiting[] = [
  ...lockKinds.map((kind) => ({
    name: `acquire of ${kind}`,
    wait: (keeper: Keeper, path: string) => lockContestant(kind, keeper, path).acquire(),
  })),
  { name: 'run of Mutex', wait: (keeper, path) => new Mutex(keeper, path).run(() => 'ran') },
  {
    name: 'start and awaitLeadership of LeaderLatch',
    wait: async (keeper, path) => {
      const latch = new LeaderLatch(keeper, path);
      await latch.start();
      return await latch.awaitLeadership();
    },
  },
  {
    name: 'the function of LeaderSelector',
    wait: (keeper, path) =>
      new Promise<void>((resolve) => new LeaderSelector(keeper, path, async () => resolve()).start()),
  },
  { name: 'wait of Barrier', wait: (keeper, path) => new Barrier(keeper, path).wait() },
  { name: 'enter of DoubleBarrier', wait: (keeper, path) => new DoubleBarrier(keeper, path, { members: 1 }).enter() },
  {
    name: 'take of Queue',
    prepare: (other, path) => new Queue(other, path).put('item'),
    wait: (keeper, path) => new Queue(keeper, path).take(),
  },
  {
    name: 'take of ShardedQueue',
    prepare: (other, path) => new ShardedQueue(other, path, { shards: 2 }).put('item'),
    wait: (keeper, path) => new ShardedQueue(keeper, path, { shards: 2 }).take(),
  },
  {
    name: 'put of Queue with maxItems',
    wait: async (keeper, path) => await new Queue(keeper, path, { maxItems: 3 }).put('item'),
  },
  {
    name: 'take of SimpleQueue',
    prepare: (other, path) => new SimpleQueue(other, path).offer(Buffer.from('item')),
    wait: (keeper, path) => new SimpleQueue(keeper, path).take(),
  },
  {
    name: 'start of Participant',
    wait: (keeper, path) => new Participant(keeper, path, 'ledger', handlers).start(),
  },
  {
    name: 'run of Coordinator',
    prepare: (other, path) => new Participant(other, path, 'ledger', handlers).start(),
    wait: (keeper, path) => new Coordinator(keeper, path).run({ payload: 1, participants: ['ledger'] }),
  },
];

describeOnSharedServer('operationTimeoutMs and recipes', () => {
  const on = stage();

  it.each(waits)('does not end $name, begun while all servers are away for longer', async ({ prepare, wait }) => {
    const path = freshLine();
    await prepare?.(await on.keeper(), path);
    const proxied = await on.proxied(scene);
    await refuse(proxied);
    const done = wait(proxied.keeper, path).then(
      () => 'done',
      (error: unknown) => error,
    );
    await untilLimitHasPassed(proxied.keeper);
    await proxied.proxy.accept();
    expect(await done).toBe('done');
  });

  it('does not end a wait that lasts longer than the limit', async () => {
    const keeper = await on.keeper(scene);
    const path = freshLine();
    const held = await new Mutex(await on.keeper(), path).acquire();
    const acquiring = new Mutex(keeper, path).acquire();
    const { proxy, keeper: away } = await on.proxied(scene);
    await refuse({ proxy, keeper: away });
    await untilLimitHasPassed(away);
    await held.release();
    expect((await acquiring).state).toBe('held');
  });

  it('ends the transaction of guard(), which is one of the fluent API', async () => {
    const { keeper, proxy } = await on.proxied(scene);
    const hold: Hold = await new Mutex(keeper, freshLine()).acquire();
    proxy.blackhole();
    await expect(hold.guard().commit()).rejects.toMatchObject({ outcome: 'unknown', cause: { code: 'ZK_TIME_LIMIT' } });
    proxy.heal();
  });

  it('ends single requests that wait for nobody', async () => {
    const proxied = await on.proxied(scene);
    const { keeper, proxy } = proxied;
    await refuse(proxied);
    const path = freshLine();
    const latch = new LeaderLatch(keeper, path);
    const requests = [
      new Mutex(keeper, path).contenders(),
      new Barrier(keeper, path).isSet(),
      new Barrier(keeper, path).set(),
      new Queue(keeper, path).size(),
      new Queue(keeper, path).peek(),
      latch.participants(),
      latch.leader(),
    ];
    const results = await Promise.allSettled(requests);
    for (const result of results) expect(result).toMatchObject({ reason: { cause: { code: 'ZK_TIME_LIMIT' } } });
    await proxy.accept();
  });

  describe.each(lockKinds)('tryAcquire of %s', (kind) => {
    /** What it rejects with, at the time when it has to. */
    const rejectionOf = async (attempt: () => Promise<unknown>): Promise<unknown> => {
      const beganMs = performance.now();
      const error = await attempt().then(
        () => expect.unreachable('it is acquired, or held by others'),
        (caught: unknown) => caught,
      );
      const tookMs = performance.now() - beganMs;
      expect(tookMs).toBeGreaterThanOrEqual(LIMIT_MS - 2);
      expect(tookMs).toBeLessThan(LIMIT_MS + SOON_MS);
      expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
      expect((error as Error).cause).toBeInstanceOf(TimeLimitError);
      return error;
    };

    it.each([
      ['none', 0],
      ['less', 50],
      ['more', 60_000],
    ] as const)('rejects when no server answers, its own limit being %s', async (_, timeoutMs) => {
      const proxied = await on.proxied(scene);
      const path = freshLine();
      await refuse(proxied);
      const lock = lockContestant(kind, proxied.keeper, path);
      const error = await rejectionOf(() => lock.tryAcquire({ timeoutMs }));
      expect((error as Error).message).toMatch(/no answer within \d+ ms \(operationTimeoutMs\)/);
      await proxied.proxy.accept();
      expect(await znodesOf(kind, proxied.keeper.unlimited, path)).toEqual([]);
    });

    it('rejects when the connection has fallen silent, and leaves no znode', async () => {
      const { keeper, proxy } = await on.proxied(scene);
      const observer = await on.keeper();
      const path = freshLine();
      proxy.blackhole({ direction: 'to-client' });
      await rejectionOf(() => lockContestant(kind, keeper, path).tryAcquire());
      proxy.heal();
      await until(async () => ((await znodesOf(kind, observer, path)).length === 0 ? true : undefined), {
        what: 'the znodes to be removed',
      });
      expect(on.errors).toEqual([]);
    });

    it('is not kept from what is free by an answer that takes longer than timeoutMs', async () => {
      const { keeper, proxy } = await on.proxied({ ...scene, operationTimeoutMs: 60_000 });
      const path = freshLine();
      proxy.delay(30);
      expect((await lockContestant(kind, keeper, path).tryAcquire({ timeoutMs: 1 }))?.state).toBe('held');
      const other = await on.keeper();
      const rival = lockContestant(kind === 'rw.read' ? 'rw.write' : kind, other, path);
      expect(await rival.tryAcquire({ timeoutMs: 1 })).toBeNull();
    });

    it('waits for others as long as timeoutMs says, which may be longer', async () => {
      const [other, keeper] = [await on.keeper(), await on.keeper(scene)];
      const path = freshLine();
      const held = await lockContestant(kind === 'rw.read' ? 'rw.write' : kind, other, path).acquire();
      const trying = lockContestant(kind, keeper, path).tryAcquire({ timeoutMs: 60_000 });
      const away = await on.proxied(scene);
      await refuse(away);
      await untilLimitHasPassed(away.keeper);
      await held.release();
      expect((await trying)?.state).toBe('held');
    });
  });
});
