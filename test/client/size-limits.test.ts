import { Keeper, retryForever } from '@zk-recipes/core';
import { Queue } from '@zk-recipes/queues';
import { startStandalone, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers, describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator } from '@zk-recipes/two-phase-commit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FrameTooLargeError, op, RequestTooLargeError, type ZooKeeper } from 'zookeeper-ts-client';
import { Clients, Events, untilState } from './clients.js';

/** The largest request of a client, and of a server as it is delivered. */
const LIMIT = 0xfffff;

describeOnSharedServer('data of the largest size', () => {
  const clients = new Clients();
  let zk: ZooKeeper;
  beforeAll(async () => {
    zk = await clients.connect();
  });
  afterAll(() => clients[Symbol.asyncDispose]());

  it('that can be written can be read, by whatever read', async () => {
    const { path } = await zk.create(freshPath('size'));
    const sessionId = zk.sessionId;
    const states: string[] = [];
    zk.on('state', (state) => states.push(state));
    const most = LIMIT - (8 + 4 + path.length + 4 + 4);
    for (const size of [1_048_487, 1_048_487 + 1, most - 1, most]) {
      const data = Buffer.alloc(size, size % 251);
      const changed = new Events();
      await zk.exists(path, { watch: changed.watch });
      const written = await zk.setData(path, data);
      expect(await changed.until(1)).toEqual([`NodeDataChanged ${path}`]);
      const [one, [many]] = await Promise.all([
        zk.getData(path, { watch: changed.watch }),
        zk.multiRead([op.getData(path)]),
      ]);
      expect(one.stat).toEqual(written);
      expect(one.data?.equals(data)).toBe(true);
      expect(many).toMatchObject({ type: 'getData', stat: { dataLength: size } });
      await zk.multi([op.setData(path, Buffer.alloc(most - 40))]);
      expect(await changed.until(2)).toHaveLength(2);
      await zk.setData(path, null);
    }
    await expect(zk.setData(path, Buffer.alloc(most + 1))).rejects.toThrow(FrameTooLargeError);
    const created = await zk.create(`${path}/x`, Buffer.alloc(LIMIT - (8 + 4 + path.length + 2 + 4 + 31 + 4)));
    expect((await zk.getData(created.path)).stat.dataLength).toBe(created.stat.dataLength);
    expect([zk.sessionId, states]).toEqual([sessionId, []]);
    await zk.delete(created.path);
  });

  it('is written and read by transactions whose results are larger than they are', async () => {
    const { path } = await zk.create(freshPath('size'));
    const ops = Array.from({ length: 14_000 }, () => op.setData(path, null));
    const results = await zk.multi(ops);
    expect(results.length * 77).toBeGreaterThan(LIMIT);
    expect(results.at(-1)).toMatchObject({ type: 'setData', stat: { version: ops.length } });
  });

  it('is too large for one reply when it is read twice, which harms that read alone', async () => {
    const { path } = await zk.create(freshPath('size'), Buffer.alloc(600_000));
    const before = zk.exists(path);
    const read = zk.multiRead([op.getData(path), op.getData(path)]);
    const after = zk.exists(path);
    await expect(read).rejects.toThrow(FrameTooLargeError);
    expect(await before).toEqual(await after);
  });
});

describeOnOwnServers('a server that takes no larger requests than 200,000 bytes', () => {
  const clients = new Clients();
  let server: ZooKeeperServer;
  const large = Buffer.alloc(300_000);
  beforeAll(async () => {
    server = await startStandalone({ systemProperties: { 'jute.maxbuffer': 200_000 } });
  });
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it('breaks the connection twice for a write that its caller repeats, and says why', async () => {
    const zk = await clients.connect(server.connectString);
    await zk.create('/w');
    let losses = 0;
    zk.on('state', (state) => {
      if (state === 'disconnected') losses++;
    });
    await expect(zk.setData('/w', large)).rejects.toMatchObject({
      code: 'ZK_CONNECTION_LOSS',
      outcome: 'unknown',
      message: expect.stringContaining('the request of 300022 bytes may be larger than jute.maxbuffer'),
    });
    const error: unknown = await zk.setData('/w', large).catch((caught: unknown) => caught);
    expect((error as Error).cause).toBeInstanceOf(RequestTooLargeError);
    expect((error as Error).cause).toMatchObject({ bytes: 300_022 });
    await untilState(zk, 'connected');
    expect(losses).toBe(2);
    await zk.setData('/w', Buffer.alloc(150_000));
    expect((await zk.getData('/w')).stat).toMatchObject({ version: 1, dataLength: 150_000 });
  });

  it('breaks it twice for a read, which is sent again by itself', async () => {
    const zk = await clients.connect(server.connectString);
    await zk.create('/r');
    let losses = 0;
    zk.on('state', (state) => {
      if (state === 'disconnected') losses++;
    });
    const reads = Array.from({ length: 20_000 }, () => op.getData('/r'));
    await expect(zk.multiRead(reads)).rejects.toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE' });
    expect(losses).toBe(2);
    expect(await zk.multiRead(reads.slice(0, 5_000))).toHaveLength(5_000);
  });

  it('breaks it twice for an operation that a keeper repeats, whatever its retry policy', async () => {
    const keeper = await Keeper.connect({
      connectString: server.connectString,
      retry: retryForever({ delayMs: 5 }),
      operationTimeoutMs: Number.POSITIVE_INFINITY,
      reconnect: { minDelayMs: 10, maxDelayMs: 100 },
    });
    await keeper.create().forPath('/k', 'before');
    let losses = 0;
    keeper.on('state', (state) => {
      if (state === 'SUSPENDED') losses++;
    });
    const error: unknown = await keeper
      .setData()
      .idempotent()
      .forPath('/k', large)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect((error as Error).cause).toBeInstanceOf(RequestTooLargeError);
    expect((await keeper.getData().forPath('/k'))?.toString()).toBe('before');
    expect(losses).toBe(2);
    await expect(keeper.create().withProtection().forPath('/k/c', large)).rejects.toMatchObject({
      cause: { code: 'ZK_REQUEST_TOO_LARGE' },
    });
    expect(await keeper.getChildren().forPath('/k')).toEqual([]);
    expect(losses).toBe(3);
    await keeper.close();
  });

  it('ends the calls of recipes that repeat what is of unknown outcome', async () => {
    const options = { connectString: server.connectString, reconnect: { minDelayMs: 10, maxDelayMs: 100 } };
    const keeper = await Keeper.connect(options);
    const bounded = new Queue<string>(keeper, '/bounded', { maxItems: 3 });
    const queue = new Queue<string>(keeper, '/unbounded');
    const coordinator = new Coordinator<string>(keeper, '/transactions');
    const payload = 'x'.repeat(300_000);
    for (const call of [
      () => bounded.put(payload),
      () => queue.put(payload),
      () => coordinator.run({ payload, participants: ['nobody'], timeoutMs: 20_000 }),
    ]) {
      const error: unknown = await call().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
      expect((error as Error).message).toContain('jute.maxbuffer');
    }
    await bounded.put('small');
    expect((await keeper.getChildren().forPath('/bounded')).length).toBe(1);
    await coordinator.close();
    await keeper.close();
  });
});
