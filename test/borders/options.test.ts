import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import { Keeper } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { DelayQueue, IdQueue, PriorityQueue, Queue, ShardedQueue, SimpleQueue } from '@zk-recipes/queues';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { postgresHandlers } from '@zk-recipes/two-phase-commit/postgres';
import { afterAll, describe, expect, it } from 'vitest';
import { op, ZooKeeper } from 'zookeeper-ts-client';
import { exportsOf, packageNames, readSources } from '../source-tree.js';
import { optionNames } from './option-types.js';

// Nobody answers here: whatever is refused is refused before anything is sent.
const connectString = '127.0.0.1:1';
const keeper = Keeper.open({ connectString });
const zk = ZooKeeper.open(connectString);
afterAll(async () => {
  await Promise.all([keeper.close(), zk.close()]);
});

/** Values that an option must not have: those of a wrong type, which are a TypeError, and those out of its range, a RangeError. */
interface Wrong {
  readonly type: readonly unknown[];
  readonly range?: readonly unknown[];
}

/** An exported type of options, and a call that takes it. */
interface Row {
  readonly call: (options: never) => unknown;
  /** Options that must be given. */
  readonly needed?: object;
  readonly wrong: Readonly<Record<string, Wrong>>;
  /** Options that are checked where they are used, or may be anything. */
  readonly unchecked?: readonly string[];
}

const signal: Wrong = { type: [5, new AbortController(), 'now'] };
const aFunction: Wrong = { type: [5, {}, 'f'] };
const aBoolean: Wrong = { type: ['no', 0, null] };
const aString: Wrong = { type: [5, {}, null] };
const text: Wrong = { type: [5, {}, null], range: [''] };
const count: Wrong = { type: ['5', null, Number.NaN], range: [0, -1] };
const milliseconds: Wrong = { type: ['5', null, Number.NaN], range: [0, -1, 2 ** 31] };
const pause: Wrong = { type: ['5', null, Number.NaN], range: [-1, 2 ** 31] };
const lossPolicy: Wrong = { type: ['sesion', 5] };
const data: Wrong = { type: [5, {}, [1], new ArrayBuffer(1), new Uint16Array(1)] };
const codec: Wrong = { type: [5, {}, { encode: () => Buffer.of() }] };
const path: Wrong = { type: [5, null, 'no-slash'] };
const version: Wrong = { type: [], range: ['5', 1.5, 2 ** 40] };
const pool = { connect: () => {} };
const tls: Wrong = { type: [false, 5, 'yes', []] };

const call = { signal };
const wait = { signal, onQueued: aFunction };
const acquire = { ...wait, maxWaiters: { type: ['5'], range: [-1] }, revocable: aBoolean };
const tryAcquire = { ...wait, revocable: aBoolean, timeoutMs: pause };
const leases = { permits: count, signal, onQueued: aFunction };
const patience = { timeoutMs: pause, ifAvailable: aBoolean };
const queueOptions = {
  codec,
  decodeTimeoutMs: milliseconds,
  maxAttempts: count,
  deadLetterPath: path,
  maxItems: count,
  lockPath: path,
};
const ending = { timeoutMs: pause };
const nothing = (): void => {};

const rows: Readonly<Record<string, readonly [string, Row][]>> = {
  'zookeeper-ts-client': [
    [
      'ZooKeeperOptions',
      {
        call: (options) => ZooKeeper.open(connectString, options),
        wrong: {
          sessionTimeoutMs: milliseconds,
          connectTimeoutMs: milliseconds,
          requestTimeoutMs: milliseconds,
          maxFrameBytes: { type: ['5'], range: [1023, 2 ** 31] },
          maxInFlight: milliseconds,
          reconnect: { type: [5, null, []] },
          'reconnect.minDelayMs': pause,
          'reconnect.maxDelayMs': pause,
          canBeReadOnly: aBoolean,
          lookup: aFunction,
          tls,
          auth: { type: ['u:p', {}, [5], [{ scheme: 'digest' }], [{ scheme: 5, auth: 'u:p' }]] },
          createChroot: aBoolean,
          connectDeadlineMs: milliseconds,
          onAttemptFailed: aFunction,
          lastZxidSeen: { type: [5, '5'], range: [-1n] },
          session: { type: [5, {}, { id: 5, passwd: Buffer.alloc(16) }], range: [{ id: 5n, passwd: Buffer.alloc(1) }] },
          signal,
        },
      },
    ],
    ['RequestOptions', { call: (options) => zk.sync('/x', options), wrong: call }],
    ['ReadOptions', { call: (options) => zk.exists('/x', options), wrong: { ...call, watch: aFunction } }],
    ['VersionOptions', { call: (options) => zk.delete('/x', options), wrong: { version } }],
    [
      'CreateOptions',
      {
        call: (options) => zk.create('/x', null, options),
        wrong: { mode: { type: ['EPHEMRAL', 5] }, acl: { type: [5, [{}]] }, ttlMs: { type: [5, '5'] } },
      },
    ],
    [
      'ReconfigOptions',
      {
        call: (options) => zk.reconfig(options),
        wrong: { ...call, joining: aString, leaving: aString, newMembers: aString, fromConfig: { type: [5, '5'] } },
      },
    ],
    [
      'RemoveWatchesOptions',
      {
        call: (options) => zk.removeWatches('/x', options),
        wrong: { type: { type: ['ALL', 5] }, listener: aFunction, local: aBoolean },
      },
    ],
  ],
  core: [
    [
      'KeeperOptions',
      {
        call: (options) => Keeper.open(options),
        needed: { connectString },
        wrong: {
          connectString: text,
          createChroot: aBoolean,
          connectDeadlineMs: milliseconds,
          onAttemptFailed: aFunction,
          namespace: { type: [5, {}] },
          sessionTimeoutMs: milliseconds,
          connectTimeoutMs: milliseconds,
          requestTimeoutMs: milliseconds,
          operationTimeoutMs: milliseconds,
          maxFrameBytes: { type: ['5'], range: [1023, 2 ** 31] },
          maxInFlight: milliseconds,
          retry: { type: [5, nothing, { retries: 1 }] },
          acl: { type: [[], 5] },
          auth: { type: ['u:p', {}, [5], [{ scheme: 'digest' }], [{ scheme: 5, auth: 'u:p' }]] },
          canBeReadOnly: aBoolean,
          lookup: aFunction,
          tls,
          defaultData: { type: [5, null, [1]] },
          useContainerParents: aBoolean,
          reconnect: { type: [5, null, []] },
          'reconnect.minDelayMs': pause,
          'reconnect.maxDelayMs': pause,
          signal,
        },
      },
    ],
    ['CallOptions', { call: (options) => keeper.getData().forPath('/x', options), wrong: call }],
    ['EndingOptions', { call: (options) => keeper.usingNamespace('x').close(options), wrong: ending }],
    [
      'TransactionCreateOptions',
      {
        call: (options) => keeper.transaction().create('/x', null, options).commit(),
        wrong: {
          mode: { type: ['EPHEMRAL', 5] },
          acl: { type: [5, [{}]] },
          ttlMs: { type: [5] },
          protection: aBoolean,
        },
      },
    ],
    ['ExpectedVersion', { call: (options) => keeper.transaction().delete('/x', options).commit(), wrong: { version } }],
  ],
  'leader-election': [
    [
      'LeaderLatchOptions',
      { call: (options) => new LeaderLatch(keeper, '/x', options), wrong: { id: aString, data, lossPolicy } },
    ],
    [
      'LeaderSelectorOptions',
      {
        call: (options) => new LeaderSelector(keeper, '/x', nothing, options),
        wrong: { id: aString, data, autoRequeue: aBoolean, lossPolicy },
      },
    ],
  ],
  locks: [
    [
      'LockOptions',
      {
        call: (options) => new Mutex(keeper, '/x', options),
        wrong: { id: aString, data, reentrant: aBoolean, lossPolicy },
      },
    ],
    ['CallOptions', { call: (options) => new Mutex(keeper, '/x').contenders(options), wrong: call }],
    ['WaitOptions', { call: (options) => new Mutex(keeper, '/x').acquire(options), wrong: wait }],
    ['AcquireOptions', { call: (options) => new ReadWriteLock(keeper, '/x').read.acquire(options), wrong: acquire }],
    ['TryAcquireOptions', { call: (options) => new Mutex(keeper, '/x').tryAcquire(options), wrong: tryAcquire }],
    [
      'RunOptions',
      { call: (options) => new Mutex(keeper, '/x').run(nothing, options), wrong: { ...acquire, ...patience } },
    ],
    [
      'MultiRunOptions',
      {
        call: (options) => new MultiLock(keeper, [new Mutex(keeper, '/x')]).run(nothing, options),
        wrong: { ...call, ...patience },
      },
    ],
    [
      'SemaphoreRunOptions',
      {
        call: (options) => new Semaphore(keeper, '/x', { maxLeases: 1 }).run(nothing, options),
        wrong: { ...leases, ...patience, maxWaiters: { type: ['5'], range: [-1] } },
      },
    ],
    [
      'RevokeOptions',
      { call: (options) => new Mutex(keeper, '/x').revoke(options), wrong: { signal, forceAfterMs: pause } },
    ],
    [
      'MultiLockOptions',
      { call: (options) => new MultiLock(keeper, [new Mutex(keeper, '/x')], options), wrong: { lossPolicy } },
    ],
    [
      'MultiAcquireOptions',
      { call: (options) => new MultiLock(keeper, [new Mutex(keeper, '/x')]).acquire(options), wrong: call },
    ],
    [
      'MultiTryAcquireOptions',
      {
        call: (options) => new MultiLock(keeper, [new Mutex(keeper, '/x')]).tryAcquire(options),
        wrong: { ...call, timeoutMs: pause },
      },
    ],
    [
      'SemaphoreOptions',
      {
        call: (options) => new Semaphore(keeper, '/x', options),
        needed: { maxLeases: 1 },
        wrong: {
          maxLeases: { type: ['5', {}, { path: 'x' }], range: [0, { path: '/x', seed: 0 }] },
          id: aString,
          data,
          lossPolicy,
        },
      },
    ],
    [
      'SemaphoreAcquireOptions',
      {
        call: (options) => new Semaphore(keeper, '/x', { maxLeases: 1 }).acquire(options),
        wrong: { ...leases, maxWaiters: { type: ['5'], range: [-1] } },
      },
    ],
    [
      'SemaphoreTryAcquireOptions',
      {
        call: (options) => new Semaphore(keeper, '/x', { maxLeases: 1 }).tryAcquire(options),
        wrong: { ...leases, timeoutMs: pause },
      },
    ],
  ],
  barriers: [
    ['WaitOptions', { call: (options) => new Barrier(keeper, '/x').wait(options), wrong: call }],
    [
      'DoubleBarrierOptions',
      {
        call: (options) => new DoubleBarrier(keeper, '/x', options),
        needed: { members: 1 },
        wrong: { members: milliseconds, id: aString, data },
      },
    ],
  ],
  queues: [
    ['QueueOptions', { call: (options) => new Queue(keeper, '/x', options), wrong: queueOptions }],
    ['CallOptions', { call: (options) => new SimpleQueue(keeper, '/x').poll(options), wrong: call }],
    [
      'ConsumeOptions',
      {
        call: (options) => new Queue(keeper, '/x').consume(options),
        wrong: { ...call, ...ending, concurrency: count },
      },
    ],
    [
      'ProcessOptions',
      {
        call: (options) => new Queue(keeper, '/x').process(nothing, options),
        wrong: {
          ...call,
          ...ending,
          concurrency: count,
          prefetch: { type: ['5'], range: [-1, 1_001] },
          retryDelayMs: aFunction,
        },
      },
    ],
    [
      'PriorityOptions',
      {
        call: (options) => new PriorityQueue(keeper, '/x').put(1, options),
        wrong: { ...call, priority: { type: ['5', 1.5], range: [2 ** 31, -(2 ** 32)] } },
      },
    ],
    [
      'DelayOptions',
      {
        call: (options) => new DelayQueue(keeper, '/x').put(1, options),
        wrong: {
          ...call,
          delayMs: { type: ['5'], range: [-1, 2 ** 41] },
          at: { type: [5, new Date(Number.NaN), new Date(-1)] },
        },
      },
    ],
    [
      'IdOptions',
      {
        call: (options) => new IdQueue(keeper, '/x').put(1, options),
        needed: { id: 'a' },
        wrong: { ...call, id: text },
      },
    ],
    [
      'ShardedQueueOptions',
      {
        call: (options) => new ShardedQueue(keeper, '/x', options),
        wrong: {
          codec,
          decodeTimeoutMs: milliseconds,
          maxAttempts: count,
          deadLetterPath: path,
          shards: { type: ['5'], range: [0, 1_001] },
        },
      },
    ],
  ],
  'two-phase-commit': [
    [
      'CoordinatorOptions',
      {
        call: (options) => new Coordinator(keeper, '/x', options),
        wrong: {
          codec,
          recovery: { type: ['auto', 5] },
          retentionMs: { type: ['5'], range: [-1] },
          maxUnfinished: { type: ['5'], range: [0] },
        },
      },
    ],
    [
      'RunOptions',
      {
        call: (options) => new Coordinator(keeper, '/x').run(options),
        needed: { payload: 1, participants: ['a'] },
        wrong: {
          participants: { type: ['a', [5], [''], ['a/b'], ['a', 'a']], range: [[]] },
          timeoutMs: milliseconds,
          signal,
        },
        unchecked: ['payload'],
      },
    ],
    [
      'ForceOptions',
      {
        call: (options) => new Coordinator(keeper, '/x').force('id', options),
        needed: { decision: 'aborted', operator: 'ann', reason: 'why' },
        wrong: { decision: { type: ['abort', 5] }, replaceUnreadable: aBoolean, operator: text, reason: text },
      },
    ],
    [
      'ForgetOptions',
      {
        call: (options) => new Coordinator(keeper, '/x').forget(options),
        needed: { participant: 'a', olderThanMs: 1, operator: 'ann', reason: 'why' },
        wrong: {
          participant: { type: [5, '', 'a/b'] },
          olderThanMs: { type: ['5'], range: [-1] },
          signal,
          operator: text,
          reason: text,
        },
      },
    ],
    [
      'ParticipantOptions',
      {
        call: (options) =>
          new Participant(keeper, '/x', 'a', { prepare: () => 'commit', commit: nothing, abort: nothing }, options),
        wrong: { codec, concurrency: count, lossPolicy, orphans: { type: ['delete', 5] } },
      },
    ],
    [
      'SettleOrphanOptions',
      {
        call: (options) =>
          new Participant(keeper, '/x', 'a', { prepare: () => 'commit', commit: nothing, abort: nothing }).settleOrphan(
            'id',
            options,
          ),
        needed: { decision: 'aborted', operator: 'ann', reason: 'why' },
        wrong: { decision: { type: ['abort', 5] }, operator: text, reason: text },
      },
    ],
    [
      'PostgresOptions',
      {
        call: (options) => postgresHandlers(options),
        needed: { pool, work: nothing },
        wrong: { pool: { type: [5, {}] }, work: aFunction, gid: aFunction, idOf: aFunction },
      },
    ],
  ],
};

/** Of a delivery, which only a server hands out, in `test/queues`; and of the clock, which no application calls. */
const elsewhere: ReadonlySet<string> = new Set(['RetryOptions', 'ScheduleOptions', 'TlsOptions']);

/** What a call throws, or rejects with. */
async function refusal(row: Row, options: unknown): Promise<Error> {
  try {
    const pending = (async () => await row.call(options as never))();
    pending.catch(() => {});
    await Promise.race([pending, new Promise((_, reject) => setImmediate(() => reject(new Error('not refused'))))]);
  } catch (error) {
    return error as Error;
  }
  return new Error('not refused');
}

/** Options with one more, which may be inside of another: `a.b`. */
function withOption(row: Row, name: string, value: unknown): object {
  const [outer = '', inner] = name.split('.');
  return { ...row.needed, [outer]: inner === undefined ? value : { [inner]: value } };
}

describe.each(Object.entries(rows))('the options of %s', (packageName, types) => {
  describe.each(types)('%s', (_, row) => {
    const wrong = (kind: 'type' | 'range'): [string, unknown][] =>
      Object.entries(row.wrong).flatMap(([name, values]) =>
        (values[kind] ?? []).map((value): [string, unknown] => [name, value]),
      );

    it('says option, expected and received of a wrong type', async () => {
      for (const [name, value] of wrong('type')) {
        const error = await refusal(row, withOption(row, name, value));
        expect([name, value, error.name, error.message]).toEqual([
          name,
          value,
          'TypeError',
          expect.stringMatching(message(name)),
        ]);
      }
    });

    it('says option, expected and received of what is out of range', async () => {
      for (const [name, value] of wrong('range')) {
        const error = await refusal(row, withOption(row, name, value));
        expect([name, value, error.name, error.message]).toEqual([
          name,
          value,
          'RangeError',
          expect.stringMatching(message(name)),
        ]);
      }
    });

    it('names the option that was meant by an unknown one', async () => {
      for (const name of Object.keys(row.wrong)) {
        const error = await refusal(row, withOption(row, `${name}x`, 5));
        expect([error.name, error.message]).toEqual([
          'TypeError',
          expect.stringContaining(`did you mean \`${name.split('.').at(-1)}\`?`),
        ]);
        expect(error.message).toContain(`Unknown option \`${name}x\` of `);
      }
      expect((await refusal(row, { ...row.needed, qqqqqqqqqqqq: 5 })).message).toMatch(
        /^Unknown option `qqqqqqqqqqqq` of .*: expected /,
      );
    });

    it.each([[null], [5], ['text'], [[]]])('refuses %j in place of options', async (value) => {
      const error = await refusal(row, value);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^Expected the options of .* to be an object, got /);
    });
  });

  it('are walked here, each of them', () => {
    const sources = readSources(packageName);
    const index = sources.find(({ path: file }) => file === 'index.ts');
    if (index === undefined) throw new Error(`Expected an index.ts in packages/${packageName}, got none`);
    const exported = exportsOf(index, sources).map(({ name }) => name);
    const named = exported.filter((name) => /^[A-Z]\w*Options$/.test(name) && !elsewhere.has(name));
    expect(types.map(([type]) => type)).toEqual(expect.arrayContaining(named));
    for (const [type, row] of types) {
      const walked = [...Object.keys(row.wrong), ...(row.unchecked ?? [])].filter((name) => !name.includes('.'));
      expect([type, walked.sort()]).toEqual([type, [...new Set(optionNames(type, sources))].sort()]);
    }
  });
});

it('every package with options is walked', () => {
  expect(Object.keys(rows).sort()).toEqual(
    // The test server has checks and tests of its own, and `zk-recipes` hands on what the others have.
    packageNames().filter((name) => name !== 'test-server' && name !== 'zk-recipes'),
  );
});

it('an operation of a transaction is refused when it is described', () => {
  expect(() => op.create('/x', null, { mod: 'EPHEMERAL' } as never)).toThrow(
    'Unknown option `mod` of op.create: did you mean `mode`?',
  );
  expect(() => op.check('/x', { versio: 1 } as never)).toThrow('did you mean `version`?');
  expect(() => new (Keeper as unknown as new () => Keeper)()).toThrow(
    'Expected Keeper.connect or Keeper.open, got new Keeper',
  );
  expect(() => new (ZooKeeper as unknown as new () => ZooKeeper)()).toThrow(
    'Expected ZooKeeper.connect or ZooKeeper.open, got new ZooKeeper',
  );
});

/** Of an option: its name, or that of one inside of it; what was expected; what came. */
function message(name: string): RegExp {
  return new RegExp(`^Expected (?:option )?\`${name.replace('.', '\\.')}[^\`]*\`.* (?:got|only with) .+`);
}
