import { getEventListeners, getMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ErrorCode, MarshallingError, op, type WatchedEvent } from '../src/index.js';
import { MAX_XID } from '../src/protocol/headers.js';
import { OpCode } from '../src/protocol/op-code.js';
import { GetDataResponse } from '../src/protocol/operations/data.js';
import { MultiResponse } from '../src/protocol/operations/multi.js';
import { Stat } from '../src/protocol/stat.js';
import { encoded } from './bytes.js';
import { settled } from './fake-clock.js';
import { eventFrame, plainStat, replyFrame } from './fake-network.js';
import { FakeSession, Fate } from './fake-session.js';

describe('requests', () => {
  it('of one tick leave in one write, numbered from 1', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const writes = session.link.writes.length;
    const reads = ['/a', '/b', '/c'].map((path) => zk.exists(path));
    await Promise.resolve().then(() => reads.push(zk.exists('/d')));
    await settled();
    expect(session.link.writes).toHaveLength(writes + 1);
    expect(session.link.requests.map(({ xid }) => xid)).toEqual([1, 2, 3, 4]);
    for (const _ of reads) session.link.answerWith(Stat, plainStat);
    expect(await Promise.all(reads)).toEqual([plainStat, plainStat, plainStat, plainStat]);
  });

  it('are numbered from 1 again after the last number', async () => {
    const session = new FakeSession({ firstXid: MAX_XID - 1 });
    const zk = await session.connect();
    const reads = ['/a', '/b', '/c', '/d'].map((path) => zk.exists(path));
    await settled();
    expect(session.link.requests.map(({ xid }) => xid)).toEqual([MAX_XID - 1, MAX_XID, 1, 2]);
    for (const _ of reads) session.link.answerWith(Stat, plainStat);
    await Promise.all(reads);
  });

  it('wait when too many are under way', async () => {
    const session = new FakeSession({ maxInFlight: 2 });
    const zk = await session.connect();
    const reads = Array.from({ length: 5 }, (_, i) => zk.exists(`/${i}`));
    await settled();
    for (const sent of [2, 3, 4, 5, 5]) {
      expect(session.link.ordinary).toHaveLength(sent);
      session.link.answerWith(Stat, plainStat);
      await settled();
    }
    await Promise.all(reads);
  });

  it('wait while the socket has no room, in their order', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.hasRoom = false;
    const first = zk.exists('/first');
    await settled();
    const writes = session.link.writes.length;
    const later = [zk.exists('/a'), zk.exists('/b')];
    await settled();
    session.link.answerWith(Stat, plainStat);
    await first;
    await settled();
    expect(session.link.writes).toHaveLength(writes);
    session.link.drain();
    await settled();
    expect(session.link.writes).toHaveLength(writes + 1);
    expect(session.link.ordinary.map(({ body }) => body.toString('latin1', 4, 6))).toEqual(['/f', '/a', '/b']);
    for (const _ of later) session.link.answerWith(Stat, plainStat);
    await Promise.all(later);
  });

  it('hold back what one tick asks for beyond the high-water mark', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    session.link.hasRoom = false;
    for (let i = 0; i < 40; i++) zk.setData('/a', Buffer.alloc(100_000)).catch(() => {});
    await settled();
    const bytes = session.link.writes.reduce((sum, write) => sum + write.length, 0);
    expect(bytes).toBeLessThan(1_300_000);
    session.link.drain();
    await settled();
    expect(session.link.ordinary).toHaveLength(40);
  });

  it('that are too large are refused before anything is sent, and others are not touched', async () => {
    const session = new FakeSession({ maxFrameBytes: 1024 });
    const zk = await session.connect();
    const before = zk.exists('/before');
    const large = zk.setData('/a', Buffer.alloc(1024));
    const after = zk.exists('/after');
    await expect(large).rejects.toThrow(
      /^setData \/a of 1046 bytes, where at most 1024 are allowed: raise maxFrameBytes/,
    );
    await expect(large).rejects.toThrow(MarshallingError);
    await expect(large).rejects.toMatchObject({ code: 'ZK_FRAME_TOO_LARGE', bytes: 1046, limit: 1024 });
    await settled();
    expect(session.link.sent).toEqual(['exists', 'exists']);
    expect(session.link.requests.map(({ xid }) => xid)).toEqual([1, 2]);
    session.link.answerWith(Stat, plainStat);
    session.link.answerWith(Stat, plainStat);
    await Promise.all([before, after]);
  });

  it.each([1, 7, 16, 17, 1000, 10_000])(
    'are rejected alone when their reply is too large, in chunks of %i bytes',
    async (chunkBytes) => {
      const session = new FakeSession({ maxFrameBytes: 1024 });
      const zk = await session.connect();
      const read = Fate.of(zk.getData('/large'));
      const after = zk.exists('/after');
      await settled();
      const reply = session.link.reply(0, Buffer.alloc(5_000));
      for (let at = 0; at < reply.length; at += chunkBytes) {
        session.link.receive(reply.subarray(at, at + chunkBytes));
      }
      session.link.answerWith(Stat, plainStat);
      expect(await after).toEqual(plainStat);
      expect(read.error).toMatchObject({ code: 'ZK_FRAME_TOO_LARGE', bytes: 5_016, limit: 1024 + 88 });
      expect((read.error as Error).message).toMatch(/^reply to getData \/large of 5016 bytes/);
      expect([zk.state, session.network.links.length]).toEqual(['connected', 1]);
      expect(zk.lastZxid).toBe(7n);
    },
  );

  it('can read all data that they can write', async () => {
    const session = new FakeSession({ maxFrameBytes: 1024 });
    const zk = await session.connect();
    const data = Buffer.alloc(1024 - (4 + 4 + 4 + 2 + 4 + 4));
    zk.setData('/a', data).catch(() => {});
    const read = zk.getData('/a');
    await settled();
    expect(session.link.sent).toEqual(['setData', 'getData']);
    session.link.answerWith(Stat, plainStat);
    session.link.answerWith(GetDataResponse, { data, stat: plainStat });
    expect((await read).data).toEqual(data);
  });

  it('are answered as a transaction by as much more than its size as its operations have results', async () => {
    const session = new FakeSession({ maxFrameBytes: 1024 });
    const zk = await session.connect();
    const ops = Array.from({ length: 40 }, () => op.setData('/a', null));
    const done = zk.multi(ops);
    const read = Fate.of(zk.multiRead([op.getData('/a'), op.getData('/b')]));
    await settled();
    const results = ops.map(() => ({ type: 'setData' as const, stat: plainStat }));
    const reply = session.link.reply(0, encoded(MultiResponse, results));
    expect(reply.length).toBeGreaterThan(3_000);
    for (let at = 0; at < reply.length; at += 700) session.link.receive(reply.subarray(at, at + 700));
    expect(await done).toEqual(results);
    const data = Buffer.alloc(700);
    const both = [1, 2].map(() => ({ type: 'getData' as const, data, stat: plainStat }));
    session.link.answerWith(MultiResponse, both);
    await settled();
    expect(read.error).toMatchObject({ code: 'ZK_FRAME_TOO_LARGE', limit: 1024 + 2 * 88 });
    expect(zk.state).toBe('connected');
  });

  it('are refused by the error code of a reply that is too large', async () => {
    const session = new FakeSession({ maxFrameBytes: 1024 });
    const zk = await session.connect();
    const read = Fate.of(zk.getData('/a'));
    await settled();
    session.link.answer(ErrorCode.NOAUTH, Buffer.alloc(5_000));
    await settled();
    expect(read.error).toMatchObject({ code: 'ZK_NO_AUTH', path: '/a' });
    expect(zk.state).toBe('connected');
  });

  it('are lost with the connection when a frame is too large that answers none of them', async () => {
    const session = new FakeSession({ maxFrameBytes: 1024 });
    const zk = await session.connect();
    const read = Fate.of(zk.exists('/a'));
    await settled();
    session.link.receive(replyFrame(99, {}, Buffer.alloc(5_000)));
    await settled();
    expect(read.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect(session.link.isDestroyed).toBe(true);
  });

  it('reject for wrong arguments without being sent', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    await expect(zk.exists('a')).rejects.toThrow(TypeError);
    await expect(zk.setData('/a', 7 as never)).rejects.toThrow('`data`');
    await expect(zk.setData('/a', null, { version: 0.5 })).rejects.toThrow(RangeError);
    await expect(zk.create('/a', null, { mode: 'SOON' as never })).rejects.toThrow('`mode`');
    await expect(zk.create('/a', null, { ttlMs: 5 })).rejects.toThrow('`ttlMs`');
    await expect(zk.create('/a', null, { mode: 'PERSISTENT_WITH_TTL' })).rejects.toThrow(RangeError);
    await expect(zk.create('/a', null, { acl: [{}] as never })).rejects.toThrow('`acl[0]`');
    await expect(zk.exists('/a', { watch: 7 as never })).rejects.toThrow(
      'option `watch` of exists to be a function, got 7',
    );
    await expect(zk.multi([{ type: 'getData', path: '/a' } as never])).rejects.toThrow('`op`');
    await expect(zk.addWatch('/a', 'SOMETIMES' as never, () => {})).rejects.toThrow('`mode`');
    expect(session.link.requests).toHaveLength(0);
  });
});

describe('a reply that is not the one expected', () => {
  it.each<[string, Buffer]>([
    ['to another request', replyFrame(2, {}, encoded(Stat, plainStat))],
    ['to a request never made', replyFrame(77)],
    ['with the number 0', replyFrame(0)],
    ['that is cut short', replyFrame(1, {}, Buffer.alloc(5))],
    ['without a header', Buffer.from('0000000400000001', 'hex')],
  ])('%s ends the connection, and the request with it', async (_, bytes) => {
    const session = new FakeSession();
    const zk = await session.connect();
    const read = Fate.of(zk.exists('/a'));
    await settled();
    session.link.receive(bytes);
    await settled();
    expect(read).toMatchObject({ settledTimes: 1, error: { code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' } });
    expect((read.error as Error).cause).toBeInstanceOf(MarshallingError);
    expect(session.network.links[0]?.isDestroyed).toBe(true);
    await session.reconnect();
    expect(zk.state).toBe('connected');
  });
});

describe('results and events', () => {
  it('come in the order of the wire, however many promises lie between', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const seen: string[] = [];
    const read = async (path: string): Promise<void> => {
      const { data } = await zk.getData(path, { watch: ({ type }: WatchedEvent) => void seen.push(`${type} ${path}`) });
      // As through the layers of a library: each of them adds turns of the microtask queue.
      for (let hop = 0; hop < 20; hop++) await null;
      await (async () => await Promise.all([Promise.resolve()]))();
      seen.push(`read ${data?.toString()}`);
    };
    const reads = Promise.all([read('/a'), read('/b'), read('/c')]);
    await settled();
    const reply = (value: string): Buffer =>
      session.link.reply(0, encoded(GetDataResponse, { data: Buffer.from(value), stat: plainStat }));
    session.link.receive(
      reply('1'),
      eventFrame(3, '/a'),
      reply('2'),
      eventFrame(2, '/b'),
      reply('3'),
      eventFrame(3, '/c'),
    );
    await reads;
    while (seen.length < 6) await settled();
    expect(seen).toEqual(['read 1', 'NodeDataChanged /a', 'read 2', 'NodeDeleted /b', 'read 3', 'NodeDataChanged /c']);
  });

  it('keep their order when the connection ends behind them', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const seen: string[] = [];
    zk.on('state', (state) => seen.push(state));
    const read = zk.exists('/a', { watch: ({ type }) => void seen.push(type) }).then(() => void seen.push('read'));
    const lost = Fate.of(zk.exists('/b'));
    await settled();
    session.link.receive(session.link.reply(0, encoded(Stat, plainStat)), eventFrame(3, '/a'), eventFrame(3, '/x'));
    session.link.end();
    await read;
    await settled();
    expect(seen.filter((one) => one !== 'read')).toEqual(['NodeDataChanged', 'disconnected']);
    expect(lost).toMatchObject({ settledTimes: 1, error: { outcome: 'unknown' } });
  });

  it('come while later frames wait: none is lost', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const events: string[] = [];
    const watch = ({ path }: WatchedEvent): void => void events.push(String(path));
    const reads = ['/a', '/b'].map((path) => zk.exists(path, { watch }));
    await settled();
    const stat = encoded(Stat, plainStat);
    const tail = eventFrame(3, '/b');
    session.link.receive(
      session.link.reply(0, stat),
      eventFrame(3, '/a'),
      session.link.reply(0, stat),
      tail.subarray(0, 7),
    );
    session.link.receive(tail.subarray(7));
    await Promise.all(reads);
    while (events.length < 2) await settled();
    expect(events).toEqual(['/a', '/b']);
  });
});

class FakeSignal {
  aborted = false;
  readonly reason: Error = new Error('enough');
  readonly endsAsLoss: boolean;
  readonly listeners: Set<() => void> = new Set();

  constructor(endsAsLoss = false) {
    this.endsAsLoss = endsAsLoss;
  }
  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener);
  }
  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener);
  }
  abort(): void {
    this.aborted = true;
    for (const listener of [...this.listeners]) listener();
  }
}

describe('a signal', () => {
  it('that has aborted keeps the request from being sent', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const reason = new Error('enough');
    await expect(zk.exists('/a', { signal: AbortSignal.abort(reason), watch: () => {} })).rejects.toBe(reason);
    await settled();
    expect(session.link.requests).toHaveLength(0);
  });

  it('takes a request out of the line', async () => {
    const session = new FakeSession({ maxInFlight: 1 });
    const zk = await session.connect();
    const controller = new AbortController();
    const first = zk.exists('/first');
    const second = zk.exists('/second', { signal: controller.signal, watch: () => {} });
    const third = zk.exists('/third');
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await settled();
    session.link.answerWith(Stat, plainStat);
    await first;
    await settled();
    session.link.answerWith(Stat, plainStat);
    await third;
    expect(session.link.sent).toEqual(['exists', 'exists']);
  });

  it('of any number of requests has one listener, and its owner is warned of what its owner does alone', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const controller = new AbortController();
    const { signal } = controller;
    const mostBefore = getMaxListeners(signal);
    const fates = Array.from({ length: 2_000 }, () => Fate.of(zk.exists('/a', { signal })));
    expect([getEventListeners(signal, 'abort').length, getMaxListeners(signal)]).toEqual([1, mostBefore]);
    controller.abort('enough');
    await settled();
    expect(fates.every(({ settledTimes, error }) => settledTimes === 1 && error === 'enough')).toBe(true);
  });

  it('may be any object with the few members that a request uses', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const signal = new FakeSignal();
    const answered = zk.exists('/a', { signal });
    await settled();
    session.link.answerWith(Stat, plainStat);
    await answered;
    expect(signal.listeners.size).toBe(0);
    const given = Fate.of(zk.exists('/a', { signal }));
    signal.abort();
    await settled();
    expect(given).toMatchObject({ settledTimes: 1, error: signal.reason });
  });

  it('may end requests as a lost connection does, which says of each whether it was sent', async () => {
    const session = new FakeSession({ maxInFlight: 1 });
    const zk = await session.connect();
    const signal = new FakeSignal(true);
    const sent = Fate.of(zk.exists('/sent', { signal }));
    const queued = Fate.of(zk.exists('/queued', { signal }));
    await settled();
    signal.abort();
    const late = Fate.of(zk.exists('/late', { signal }));
    await settled();
    const cause = signal.reason;
    expect(sent).toMatchObject({ settledTimes: 1, error: { outcome: 'unknown', path: '/sent', cause } });
    for (const fate of [queued, late]) {
      expect(fate).toMatchObject({ settledTimes: 1, error: { outcome: 'not-sent', operation: 'exists', cause } });
    }
    session.link.answerWith(Stat, plainStat);
    await settled();
    expect(session.link.sent).toEqual(['exists']);
  });

  it('ends the waiting for a request under way, whose watch is then taken from the server', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const controller = new AbortController();
    const events: unknown[] = [];
    const watch = (event: WatchedEvent): void => void events.push(event);
    const read = Fate.of(zk.getChildren('/a', { signal: controller.signal, watch }));
    await settled();
    controller.abort();
    await settled();
    expect(read).toMatchObject({ settledTimes: 1, error: { name: 'AbortError' } });
    session.link.answer(0, Buffer.concat([Buffer.alloc(4), encoded(Stat, plainStat)]));
    await settled();
    expect(session.link.sent).toEqual(['getChildren2', 'removeWatches']);
    session.link.receive(eventFrame(4, '/a'));
    await settled();
    expect(events).toEqual([]);
    expect(read.settledTimes).toBe(1);
    const next = zk.exists('/b');
    await settled();
    session.link.answer();
    session.link.answerWith(Stat, plainStat);
    await next;
    expect(session.link.requests.at(-1)?.type).toBe(OpCode.exists);
  });

  it('can serve many requests, and is left without a listener', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const session = new FakeSession();
    const zk = await session.connect();
    const { signal } = new AbortController();
    const reads = Array.from({ length: 50 }, () => zk.exists('/a', { signal }));
    await settled();
    for (const _ of reads) session.link.answerWith(Stat, plainStat);
    await Promise.all(reads);
    await settled();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});
