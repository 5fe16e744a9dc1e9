import { Keeper } from '@zk-recipes/core';
import { Mutex, Semaphore } from '@zk-recipes/locks';
import {
  bytesCodec,
  type Codec,
  DelayQueue,
  IdQueue,
  PriorityQueue,
  Queue,
  ShardedQueue,
  SimpleQueue,
  textCodec,
} from '@zk-recipes/queues';
import { Coordinator } from '@zk-recipes/two-phase-commit';
import { afterAll, describe, expect, it } from 'vitest';
import { op, ZooKeeper } from 'zookeeper-ts-client';

// Nobody answers here: what is refused at once is refused before anything is sent.
const keeper = Keeper.open({ connectString: '127.0.0.1:1' });
const zk = ZooKeeper.open('127.0.0.1:1');
afterAll(async () => {
  await Promise.all([keeper.close(), zk.close()]);
});

/** What is no data, and how a message calls it. */
const noData: readonly [unknown, string][] = [
  [5, 'number'],
  [true, 'boolean'],
  [[1, 2], 'an array of 2'],
  [{ a: 1 }, 'an object with `a`'],
  [new ArrayBuffer(2), 'ArrayBuffer of 2 bytes'],
  [new Uint16Array(2), 'Uint16Array of 4 bytes'],
  [new DataView(new ArrayBuffer(2)), 'DataView of 2 bytes'],
  [Promise.resolve(Buffer.from('x')), 'an object of class Promise'],
  [new Date(0), 'the Date 1970-01-01T00:00:00.000Z'],
  [() => {}, 'a function'],
];

/** What is no result of a codec, besides. */
const noBytes: readonly [unknown, string][] = [
  ...noData,
  ['text', 'a string'],
  [null, 'null'],
  [undefined, 'undefined'],
];

async function refusal(call: () => unknown): Promise<unknown> {
  return await Promise.race([
    (async () => await call())().catch((error: unknown) => error),
    new Promise((resolve) => setImmediate(resolve, 'not refused')),
  ]);
}

describe('data that is none', () => {
  it.each<[string, (data: never) => unknown]>([
    ['create of the client', (data) => zk.create('/x', data)],
    ['setData of the client', (data) => zk.setData('/x', data)],
    ['op.create', (data) => op.create('/x', data)],
    ['op.setData', (data) => op.setData('/x', data)],
    ['create()', (data) => keeper.create().forPath('/x', data)],
    ['create() with options', (data) => keeper.create().forPath('/x', data, {})],
    ['create() with protection', (data) => keeper.create().withProtection().forPath('/x', data)],
    ['setData()', (data) => keeper.setData().forPath('/x', data)],
    ['create of a transaction', (data) => keeper.transaction().create('/x', data)],
    ['setData of a transaction', (data) => keeper.transaction().setData('/x', data)],
    ['a Mutex', (data) => new Mutex(keeper, '/x', { data })],
    ['a Semaphore', (data) => new Semaphore(keeper, '/x', { maxLeases: 1, data })],
    ['offer of a SimpleQueue', (data) => new SimpleQueue(keeper, '/x').offer(data)],
  ])('is refused by %s', async (_, call) => {
    for (const [data, kind] of noData) {
      const error = await refusal(() => call(data as never));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^Expected (option )?`data`.* to be a (Uint8Array|string).*, got /);
      expect((error as Error).message).toContain(kind);
    }
  });

  it('is refused as credentials, whose text is never shown', async () => {
    const message = 'Expected `auth` to be a Uint8Array or a string, got an array of 1';
    expect(await refusal(() => zk.addAuth('digest', ['secret'] as never))).toEqual(new TypeError(message));
  });

  it('tells options from data in the second place of create()', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    expect(await refusal(() => keeper.create().forPath('/x', { signal: gone }))).toEqual(new Error('gone'));
    const wrong = [{ signal: 5 }, { sginal: gone }, { signal: gone, a: 1 }, gone, Object.create({ signal: gone })];
    for (const value of wrong)
      expect(await refusal(() => keeper.create().forPath('/x', value as never))).toBeInstanceOf(TypeError);
    expect(await refusal(() => keeper.create().forPath('/x', { sginal: gone } as never))).toEqual(
      new TypeError(
        'Expected `data` of create().forPath to be a Uint8Array, a string or null, or options { signal }, got an object with `sginal`',
      ),
    );
  });
});

describe('what is no list of values, or no dead letter', () => {
  it.each<[unknown, string]>([
    ['abc', "'abc'"],
    [5, '5'],
    [null, 'null'],
    [new Set([1]), 'an object of class Set'],
  ])('is refused by putAll of each queue: case %#', async (values, got) => {
    const puts = [
      () => new Queue(keeper, '/x').putAll(values as never),
      () => new PriorityQueue(keeper, '/x').putAll(values as never),
      () => new DelayQueue(keeper, '/x').putAll(values as never),
      () => new IdQueue(keeper, '/x').putAll(values as never, { id: 'a' }),
      () => new ShardedQueue(keeper, '/x').putAll(values as never),
    ];
    for (const put of puts) {
      expect(await refusal(put)).toEqual(new TypeError(`Expected \`values\` to be an array, got ${got}`));
    }
  });

  it.each<[unknown, string]>([
    [undefined, 'Expected `letter` to be an object, got undefined'],
    ['/x', "Expected `letter` to be an object, got '/x'"],
    [{ path: 5, data: Buffer.of() }, 'Expected `letter.path` to be a string, got 5'],
    [{ path: '/x' }, 'Expected `letter.data` to be a Uint8Array, got undefined'],
  ])('is refused by revive: case %#', async (letter, message) => {
    expect(await refusal(() => new Queue(keeper, '/x').revive(letter as never))).toEqual(new TypeError(message));
  });
});

describe('a codec that makes no bytes', () => {
  it.each<[string, (codec: Codec<unknown>) => unknown]>([
    ['a Queue', (codec) => new Queue(keeper, '/x', { codec }).put(1)],
    ['a Queue, several at once', (codec) => new Queue(keeper, '/x', { codec }).putAll([1])],
    ['a PriorityQueue', (codec) => new PriorityQueue(keeper, '/x', { codec }).put(1)],
    ['a DelayQueue', (codec) => new DelayQueue(keeper, '/x', { codec }).put(1)],
    ['an IdQueue', (codec) => new IdQueue(keeper, '/x', { codec }).put(1, { id: 'a' })],
    ['a ShardedQueue', (codec) => new ShardedQueue(keeper, '/x', { codec }).put(1)],
    [
      'a Coordinator',
      (codec) => new Coordinator(keeper, '/x', { codec: codec as never }).run({ payload: 1, participants: ['a'] }),
    ],
  ])('is refused by %s', async (_, call) => {
    for (const [result, kind] of noBytes) {
      const error = await refusal(() => call({ encode: () => result as Uint8Array, decode: () => 1 }));
      expect(error).toEqual(
        new TypeError(`Expected the result of \`encode\` of the codec to be a Uint8Array, got ${kind}`),
      );
    }
  });

  it('is refused by bytesCodec and textCodec, which name what came', () => {
    for (const [value, kind] of noBytes) {
      expect(() => bytesCodec.encode(value as never)).toThrow(
        new TypeError(`Expected the value for bytesCodec to be a Uint8Array, got ${kind}`),
      );
    }
    expect(() => textCodec.encode(Buffer.from('x') as never)).toThrow(
      'Expected a string for textCodec, got Buffer of 1 bytes',
    );
  });
});
