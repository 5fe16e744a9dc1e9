import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ZooKeeper } from '../src/index.js';
import { ZooKeeperError } from '../src/index.js';
import { Create2Response } from '../src/protocol/operations/create.js';
import { GetDataResponse } from '../src/protocol/operations/data.js';
import { MultiResponse } from '../src/protocol/operations/multi.js';
import { Stat } from '../src/protocol/stat.js';
import { encoded } from './bytes.js';
import { settled } from './fake-clock.js';
import { eventFrame, handshakeFrame, plainStat, replyFrame } from './fake-network.js';
import { FakeSession } from './fake-session.js';

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
beforeAll(() => {
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onUnhandled);
});
afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
  process.off('uncaughtException', onUnhandled);
  expect(unhandled).toEqual([]);
});

/** The replies that a server gives to `askEverything`, in its order, and what it may send at any time. */
const multiReply = encoded(MultiResponse, [
  { type: 'create', path: '/m', stat: plainStat },
  { type: 'setData', stat: plainStat },
  { type: 'delete' },
]);
const recorded: readonly Buffer[] = [
  replyFrame(1, {}, encoded(Stat, plainStat)),
  replyFrame(2, {}, encoded(GetDataResponse, { data: Buffer.from('data'), stat: plainStat })),
  replyFrame(3, {}, encoded(Create2Response, { path: '/c', stat: plainStat })),
  replyFrame(4, {}, multiReply),
  replyFrame(5, { err: -110 }),
  replyFrame(6, {}, Buffer.alloc(4)),
];
const anytime: readonly Buffer[] = [eventFrame(3, '/a'), eventFrame(2, '/w/x'), replyFrame(-2), replyFrame(-4)];
const handshake = handshakeFrame();

/** Requests of many kinds with watches; returns what becomes of each. */
function askEverything(zk: ZooKeeper): Promise<unknown>[] {
  const watch = (): void => {};
  return [
    zk.exists('/a', { watch }),
    zk.getData('/b', { watch }),
    zk.create('/c'),
    zk.multi([{ type: 'delete', path: '/m', version: -1 }]),
    zk.create('/e'),
    zk.addWatch('/w', 'PERSISTENT_RECURSIVE', watch),
  ].map((asked) => asked.catch((error: unknown) => error));
}

/** What a fault does to a frame of a server. */
type Mutation = (frame: Buffer) => Buffer;

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const putInt =
  (share: number, value: number): Mutation =>
  (frame) => {
    const changed = Buffer.from(frame);
    if (frame.length >= 8) changed.writeInt32BE(value | 0, Math.floor(share * (frame.length - 3)));
    return changed;
  };
const lies = fc.constantFrom(-1, -2, -2_147_483_648, 2_147_483_647, 0xfffff, 0x100000, 0, 1, 99, -4, -999, 65_536);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  at.map(
    (share): Mutation =>
      (frame) =>
        frame.subarray(0, Math.floor(share * frame.length)),
  ),
  fc.tuple(at, fc.nat(255)).map(
    ([share, mask]): Mutation =>
      (frame) => {
        const changed = Buffer.from(frame);
        const index = Math.floor(share * frame.length);
        changed[index] = (changed[index] ?? 0) ^ (mask + 1);
        return changed;
      },
  ),
  fc.tuple(at, lies).map(([share, lie]) => putInt(share, lie)),
  // The length, the xid, the error code, and the first field behind the header.
  fc.tuple(fc.constantFrom(0, 4, 16, 20), fc.oneof(lies, fc.integer())).map(
    ([index, value]): Mutation =>
      (frame) => {
        const changed = Buffer.from(frame);
        if (index + 4 <= changed.length) changed.writeInt32BE(value, index);
        return changed;
      },
  ),
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map(
    (bytes): Mutation =>
      (frame) =>
        Buffer.concat([frame, bytes]),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map(
    (bytes): Mutation =>
      () =>
        Buffer.from(bytes),
  ),
  fc.constant<Mutation>((frame) => Buffer.concat([frame, frame])),
);

/** Cuts bytes into chunks of that length. */
function* chunksOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

/** Whatever happened, every promise has settled, in a value or a typed error, and after a good reconnect the client works. */
async function expectUnharmed(session: FakeSession, zk: ZooKeeper, asked: readonly Promise<unknown>[]): Promise<void> {
  session.link.end('end of the test');
  for (const outcome of await Promise.all(asked)) {
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ZooKeeperError);
  }
  if (zk.state === 'expired' || zk.state === 'auth-failed') {
    await expect(zk.exists('/')).rejects.toBeInstanceOf(ZooKeeperError);
    return;
  }
  const link = await session.reconnect();
  const read = zk.exists('/after');
  await settled();
  while (link.sent[link.sent.length - 1] !== 'exists') await settled();
  for (const request of link.ordinary) {
    link.answer(0, request.type === 3 ? encoded(Stat, plainStat) : Buffer.alloc(4));
  }
  expect(await read).toEqual(plainStat);
  const closing = zk.close();
  await settled();
  link.answer();
  await closing;
  expect(session.clock.timerCount).toBe(0);
}

describe('whatever a server sends', () => {
  it('after the handshake, the client bears it', async () => {
    let lost = 0;
    const cases = fc.record({
      index: fc.nat(recorded.length + anytime.length - 1),
      mutate: mutation,
      chunk: fc.constantFrom(1, 3, 7, 64, 4096),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ index, mutate, chunk }) => {
        const session = new FakeSession();
        const zk = await session.connect();
        const { link } = session;
        const asked = askEverything(zk);
        await settled();
        const frames = [
          ...recorded.slice(0, index),
          mutate([...recorded, ...anytime][index] ?? handshake),
          ...recorded.slice(index),
        ];
        for (const bytes of chunksOf(Buffer.concat([...frames, ...anytime]), chunk)) link.receive(bytes);
        await settled();
        if (link.isDestroyed) lost++;
        await expectUnharmed(session, zk, asked);
      }),
      { numRuns: 2500 },
    );
    expect(lost).toBeGreaterThan(500);
  });

  it('instead of the handshake, the client tries the next server', async () => {
    await fc.assert(
      fc.asyncProperty(mutation, fc.constantFrom(1, 5, 64), fc.boolean(), async (mutate, chunk, isFirst) => {
        const session = new FakeSession({ connectString: 'zk1,zk2' });
        if (!isFirst) {
          await session.connect();
          session.link.end();
        }
        const link = await session.attempt();
        link.open();
        for (const bytes of chunksOf(mutate(handshake), chunk)) link.receive(bytes);
        link.end();
        await settled();
        const ended = isFirst ? false : ['expired', 'auth-failed'].includes((await session.connecting).state);
        if (!ended && session.clock.timerCount > 0) await session.reconnect();
        const zk = await session.connecting.catch((error: unknown) => error);
        // A changed id makes the next handshake an answer for another session.
        const states = ended ? ['expired'] : ['connected', 'expired'];
        expect(zk instanceof ZooKeeperError || states.includes((zk as ZooKeeper).state)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('of arbitrary bytes in every phase, the client bears it', async () => {
    const phases = fc.constantFrom('idle', 'busy', 'closing');
    await fc.assert(
      fc.asyncProperty(phases, fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }), async (phase, garbage) => {
        const session = new FakeSession();
        const zk = await session.connect();
        const asked = phase === 'idle' ? [] : askEverything(zk);
        await settled();
        const closing = phase === 'closing' ? zk.close() : null;
        for (const bytes of garbage) session.link.receive(bytes);
        await settled();
        if (closing === null) return expectUnharmed(session, zk, asked);
        session.link.end();
        await closing;
        for (const outcome of await Promise.all(asked)) {
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ZooKeeperError);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('that claims to be large without being so takes no memory', async () => {
    const before = process.memoryUsage();
    for (let i = 0; i < 300; i++) {
      const session = new FakeSession();
      const zk = await session.connect();
      const asked = askEverything(zk);
      await settled();
      // A frame of the largest length allowed that never comes, and a vector of 2^31-1 elements that is not there.
      const huge = Buffer.concat([replyFrame(1, {}, Buffer.alloc(4, 0x7f)), Buffer.from('000fffff', 'hex')]);
      session.link.receive(huge);
      session.link.end();
      await Promise.all(asked);
      await zk.close();
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(heapUsed - before.heapUsed).toBeLessThan(200e6);
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(400e6);
  });
});
