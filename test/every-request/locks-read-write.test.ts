import { HoldLostError, type Keeper, NotHeldError, SessionExpiredError } from '@zk-recipes/core';
import { type LockHold, ReadWriteLock, type WriteHold } from '@zk-recipes/locks';
import { expect } from 'vitest';
import { describeEveryRequest } from '../stage/every-request.js';
import { untilAborted } from '../stage/holds.js';
import { isWaitedFor, isWaitedForBehind, nextComes } from './locks-play.js';

type Side = 'read' | 'write';

const NAMES: Readonly<Record<Side, string>> = { read: '__READ__', write: '__WRIT__' };

async function nextComesIn(keeper: Keeper, path: string): Promise<void> {
  await nextComes(new ReadWriteLock(keeper, path).write);
}

for (const side of ['read', 'write'] as const) {
  await describeEveryRequest({
    name: `ReadWriteLock: ${side}, free`,
    heeds: isWaitedFor,
    onExpiry: [],
    mayBeGivenUp: true,
    prepare: ({ subject, other, path, signal }) => {
      let hold: LockHold | undefined;
      return {
        act: async () => {
          hold = await new ReadWriteLock(subject, path)[side].acquire({ signal });
          await hold.release();
          return hold.path;
        },
        settle: async () => {
          await hold?.release();
          await nextComesIn(other, path);
        },
      };
    },
  });
}

/** Those who stand before, in their order, and in which they leave. */
const lines: readonly { readonly side: Side; readonly before: readonly Side[]; readonly leaving: readonly number[] }[] =
  [
    { side: 'read', before: ['write'], leaving: [0] },
    { side: 'write', before: ['read'], leaving: [0] },
    { side: 'write', before: ['write'], leaving: [0] },
    { side: 'write', before: ['read', 'read'], leaving: [1, 0] },
  ];

for (const { side, before, leaving } of lines) {
  await describeEveryRequest({
    name: `ReadWriteLock: ${side} behind ${before.join(', ')}`,
    goesOn: true,
    heeds: isWaitedForBehind(...leaving.map((index) => `000000000${index}`)),
    onExpiry: [HoldLostError],
    prepare: async ({ subject, other, path, signal, untilSent }) => {
      const theirs = new ReadWriteLock(other, path);
      const holds: LockHold[] = [];
      for (const one of before) holds.push(await theirs[one].acquire());
      const leave = async (): Promise<void> => {
        for (const hold of leaving.flatMap((index) => holds[index] ?? [])) {
          await untilSent({ operation: 'getData', path: hold.path });
          await hold.release();
        }
      };
      let hold: LockHold | undefined;
      return {
        act: async () => {
          [hold] = await Promise.all([new ReadWriteLock(subject, path)[side].acquire({ signal }), leave()]);
          await untilSent({ operation: 'getData', path: hold.path }, side === 'read' ? 2 : 1);
          hold.signal.throwIfAborted();
          return hold.path;
        },
        settle: async () => {
          await Promise.all([...holds, hold].map((one) => one?.release()));
          await nextComesIn(other, path);
        },
      };
    },
  });
}

await describeEveryRequest({
  name: 'ReadWriteLock: read beside a reader, while nobody wants to write',
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal }) => {
    const beside = await new ReadWriteLock(other, path).read.acquire();
    let hold: LockHold | undefined;
    return {
      act: async () => {
        hold = await new ReadWriteLock(subject, path).read.acquire({ signal });
        await hold.release();
        return [hold.path, beside.state];
      },
      settle: async () => {
        await Promise.all([beside.release(), hold?.release()]);
        await nextComesIn(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'ReadWriteLock: read behind a writer who waits, and gives up',
  heeds: isWaitedForBehind(`${NAMES.write}0000000001`),
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const theirs = new ReadWriteLock(other, path);
    const beside = await theirs.read.acquire();
    const patience = new AbortController();
    const writer = theirs.write.acquire({ signal: patience.signal }).catch(() => {});
    await untilWatches(1);
    let hold: LockHold | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: `${path}/${NAMES.write}0000000001` });
      patience.abort();
      await writer;
    };
    return {
      act: async () => {
        [hold] = await Promise.all([new ReadWriteLock(subject, path).read.acquire({ signal }), leave()]);
        await hold.release();
        return [hold.path, beside.state];
      },
      settle: async () => {
        patience.abort();
        await Promise.all([beside.release(), writer, hold?.release()]);
        await nextComesIn(other, path);
      },
    };
  },
});

for (const side of ['read', 'write'] as const) {
  await describeEveryRequest({
    name: `ReadWriteLock: tryAcquire to ${side}, busy`,
    heeds: isWaitedFor,
    onExpiry: [],
    prepare: async ({ subject, other, path, signal }) => {
      const first = await new ReadWriteLock(other, path)[side === 'read' ? 'write' : 'read'].acquire();
      return {
        act: () => new ReadWriteLock(subject, path)[side].tryAcquire({ signal }),
        settle: async () => {
          await first.release();
          await nextComesIn(other, path);
        },
      };
    },
  });
}

await describeEveryRequest({
  name: 'ReadWriteLock: downgrade, while a writer waits',
  goesOn: true,
  heeds: () => false,
  onExpiry: [HoldLostError, NotHeldError, SessionExpiredError],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const holds: LockHold[] = [];
    const written: WriteHold = await new ReadWriteLock(subject, path).write.acquire();
    const theirs = new ReadWriteLock(other, path).write;
    let beside: LockHold | undefined;
    const patience = new AbortController();
    const writer = theirs.acquire({ signal: patience.signal }).then((hold) => {
      // Whoever held it then did so with a writer beside.
      beside = [written, ...holds].find(({ state }) => state === 'held');
      return hold.release();
    });
    writer.catch(() => {});
    await untilWatches(2);
    return {
      act: async () => {
        signal.throwIfAborted();
        const hold = await written.downgrade();
        holds.push(hold);
        await Promise.race([untilSent({ operation: 'getData', path: hold.path }), untilAborted(hold.signal)]);
        hold.signal.throwIfAborted();
        const states = [written.state, hold.state, hold.fencingToken > written.fencingToken];
        await hold.release();
        await writer;
        expect(beside).toBeUndefined();
        return [...states, hold.path];
      },
      settle: async () => {
        await Promise.all([written, ...holds].map((hold) => hold.release()));
        patience.abort();
        await writer.catch(() => {});
        await nextComesIn(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'ReadWriteLock: write behind a writer that turns into a reader',
  heeds: isWaitedForBehind(`${NAMES.write}0000000000`),
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const written = await new ReadWriteLock(other, path).write.acquire();
    await untilWatches(1);
    let downgrading: Promise<LockHold> | undefined;
    let read: LockHold | undefined;
    let hold: LockHold | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: written.path });
      downgrading = written.downgrade();
      read = await downgrading;
      await untilSent({ operation: 'getData', path: read.path });
      await read.release();
    };
    return {
      act: async () => {
        const acquiring = new ReadWriteLock(subject, path).write.acquire({ signal }).then((own) => {
          hold = own;
          return read?.state;
        });
        const [beside] = await Promise.all([acquiring, leave()]);
        await hold?.release();
        expect(beside).toBe('released');
        return hold?.path;
      },
      settle: async () => {
        await Promise.all([written, await downgrading, hold].map((one) => one?.release()));
        await nextComesIn(other, path);
      },
    };
  },
});
