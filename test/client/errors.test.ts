import { Barrier } from '@zk-recipes/barriers';
import { digestId, Keeper } from '@zk-recipes/core';
import { LeaderLatch } from '@zk-recipes/leader-election';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { Queue } from '@zk-recipes/queues';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { op, ZooKeeper } from 'zookeeper-ts-client';
import { Clients } from './clients.js';

describeOnSharedServer('an error', () => {
  const clients = new Clients();
  let zk: ZooKeeper;
  let keeper: Keeper;
  let missing: string;
  /** A znode below which this client may do nothing. */
  let refused: string;
  beforeAll(async () => {
    zk = await clients.connect();
    keeper = await Keeper.connect({ connectString: sharedServer().connectString });
    missing = `${freshPath('missing')}/x`;
    refused = freshPath('refused');
    await zk.create(refused, null, { acl: [{ perms: 31, id: { scheme: 'digest', id: digestId('ann', 'secret') } }] });
  });
  afterAll(async () => {
    await keeper?.close();
    await clients[Symbol.asyncDispose]();
  });

  /** The error of a call, with the caller's function in its stack. */
  const stackOf = async (call: () => Promise<unknown>): Promise<string> => {
    async function functionOfTheCaller(): Promise<unknown> {
      return await call();
    }
    const error: unknown = await functionOfTheCaller().then(
      () => expect.unreachable('the call succeeded'),
      (caught: unknown) => caught,
    );
    expect(Object.keys(error as object)).toContain('code');
    return (error as Error).stack ?? '';
  };

  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['getData of a client', () => zk.getData(missing)],
    ['setData of a client', () => zk.setData(missing, 'x')],
    ['create of a client', () => zk.create(missing)],
    ['delete of a client', () => zk.delete(missing)],
    ['getChildren of a client', () => zk.getChildren(missing)],
    ['getAcl of a client', () => zk.getAcl(missing)],
    ['multi of a client', () => zk.multi([op.create(missing)])],
    ['removeWatches of a client', () => zk.removeWatches(missing)],
    ['connect of a client', () => ZooKeeper.connect('127.0.0.1:1', { connectDeadlineMs: 50 })],
    ['getData', () => keeper.getData().forPath(missing)],
    ['getData with its stat', () => keeper.getData().withStat().forPath(missing)],
    ['getChildren', () => keeper.getChildren().forPath(missing)],
    ['getAcl', () => keeper.getAcl().forPath(missing)],
    ['setData', () => keeper.setData().forPath(missing, 'x')],
    ['idempotent setData', () => keeper.setData().idempotent().forPath(missing, 'x')],
    ['create', () => keeper.create().forPath(missing)],
    ['protected create', () => keeper.create().withProtection().forPath(missing)],
    ['idempotent create', () => keeper.create().idempotent().forPath(missing)],
    ['delete', () => keeper.delete().forPath(missing)],
    ['guaranteed delete', () => keeper.delete().guaranteed().forPath(missing)],
    ['a transaction', () => keeper.transaction().delete(missing).commit()],
    ['connect', () => Keeper.connect({ connectString: '127.0.0.1:1', connectDeadlineMs: 50 })],
    ['acquire of a Mutex', () => new Mutex(keeper, `${refused}/m`).acquire()],
    ['tryAcquire of a Mutex', () => new Mutex(keeper, `${refused}/m`).tryAcquire()],
    ['run of a Mutex', () => new Mutex(keeper, `${refused}/m`).run(async () => {})],
    ['acquire of a ReadWriteLock', () => new ReadWriteLock(keeper, `${refused}/m`).read.acquire()],
    ['acquire of a Semaphore', () => new Semaphore(keeper, `${refused}/m`, { maxLeases: 2 }).acquire()],
    ['acquire of a MultiLock', () => new MultiLock(keeper, [new Mutex(keeper, `${refused}/m`)]).acquire()],
    ['start of a LeaderLatch', () => new LeaderLatch(keeper, `${refused}/l`).start()],
    ['set of a Barrier', () => new Barrier(keeper, `${refused}/b`).set()],
    ['put of a Queue', () => new Queue<string>(keeper, `${refused}/q`).put('x')],
  ];

  it.each(calls)('of %s has the frames of the caller, and its code', async (_, call) => {
    const limit = Error.stackTraceLimit;
    // As Node has it; a test runner raises it.
    Error.stackTraceLimit = 10;
    try {
      expect(await stackOf(call)).toContain('functionOfTheCaller');
      expect(Error.stackTraceLimit).toBe(10);
    } finally {
      Error.stackTraceLimit = limit;
    }
  });

  it('of a closed keeper has the frames of each caller', async () => {
    const closed = await Keeper.connect({ connectString: sharedServer().connectString });
    await closed.close();
    expect(await stackOf(() => closed.getData().forPath('/'))).toContain('functionOfTheCaller');
  });

  it('is JSON, as are a Stat, contenders and holds', async () => {
    const path = freshPath('json');
    const { stat } = await zk.create(path);
    const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    expect(json(stat)).toMatchObject({ czxid: String(stat.czxid), ephemeralOwner: '0', version: 0 });
    expect(json(await zk.exists(path))).toEqual(json(stat));
    const mutex = new Mutex(keeper, `${path}/mutex`, { reentrant: true });
    await mutex.run(async (hold) => {
      expect(json(hold)).toEqual({ path: hold.path, fencingToken: String(hold.fencingToken), state: 'held' });
      await mutex.run(async (inner) => expect(json(inner)).toMatchObject({ path: hold.path, state: 'held' }));
      expect(json(await mutex.contenders())).toMatchObject([{ sessionId: String(keeper.sessionId), state: 'holding' }]);
    });
    const latch = new LeaderLatch(keeper, `${path}/latch`);
    await latch.start();
    const tenure = await latch.awaitLeadership();
    expect(json(tenure)).toMatchObject({ id: latch.id, fencingToken: String(tenure.fencingToken) });
    expect(json(await latch.participants())).toMatchObject([{ sessionId: String(keeper.sessionId), isLeader: true }]);
    await latch.close();
    const queue = new Queue<string>(keeper, `${path}/queue`);
    await queue.put('item');
    const delivery = await queue.take();
    expect(json(delivery)).toMatchObject({ value: 'item', fencingToken: String(delivery.fencingToken) });
    await delivery.ack();
  });
});
