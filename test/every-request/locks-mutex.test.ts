import { HoldLostError } from '@zk-recipes/core';
import { type LockHold, Mutex, TooManyWaitersError } from '@zk-recipes/locks';
import { expect } from 'vitest';
import { catchTimer } from '../stage/early-timer.js';
import { describeEveryRequest } from '../stage/every-request.js';
import { isWaitedFor, isWaitedForBehind, nextComes } from './locks-play.js';

await describeEveryRequest({
  name: 'Mutex: acquire, free',
  goesOn: true,
  heeds: isWaitedFor,
  onExpiry: [HoldLostError],
  prepare: ({ subject, other, path, signal, untilSent }) => {
    let hold: LockHold | undefined;
    return {
      act: async () => {
        hold = await new Mutex(subject, path).acquire({ signal });
        await untilSent({ operation: 'getData', path: hold.path });
        hold.signal.throwIfAborted();
        return [hold.path, hold.state];
      },
      settle: async () => {
        await hold?.release();
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: acquire, release twice, dispose',
  mayBeGivenUp: true,
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: ({ subject, other, path, signal }) => {
    let hold: LockHold | undefined;
    return {
      act: async () => {
        hold = await new Mutex(subject, path).acquire({ signal });
        await Promise.all([hold.release(), hold.release()]);
        await hold[Symbol.asyncDispose]();
        return [hold.path, hold.signal.aborted];
      },
      settle: async () => {
        await hold?.release();
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: acquire behind a holder',
  goesOn: true,
  heeds: isWaitedForBehind('0000000000'),
  onExpiry: [HoldLostError],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const first = await new Mutex(other, path).acquire();
    let hold: LockHold | undefined;
    return {
      act: async () => {
        const handOver = untilSent({ operation: 'getData', path: first.path }).then(() => first.release());
        [hold] = await Promise.all([new Mutex(subject, path).acquire({ signal }), handOver]);
        await untilSent({ operation: 'getData', path: hold.path }, 2);
        hold.signal.throwIfAborted();
        return [hold.path, hold.state];
      },
      settle: async () => {
        await Promise.all([first.release(), hold?.release()]);
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: acquire behind a holder and a waiter, who gives up first',
  heeds: isWaitedForBehind('0000000000', '0000000001'),
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const theirs = new Mutex(other, path);
    const first = await theirs.acquire();
    const patience = new AbortController();
    const second = theirs.acquire({ signal: patience.signal }).catch(() => {});
    // The holder has one on its znode, and the waiter has two, one of which is on the same path.
    await untilWatches(2);
    let hold: LockHold | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: `${path}/lock-0000000001` });
      patience.abort();
      await second;
      await untilSent({ operation: 'getData', path: first.path });
      await first.release();
    };
    return {
      act: async () => {
        [hold] = await Promise.all([new Mutex(subject, path).acquire({ signal }), leave()]);
        await hold.release();
        return hold.path;
      },
      settle: async () => {
        patience.abort();
        await Promise.all([first.release(), second, hold?.release()]);
        await nextComes(theirs);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: tryAcquire, free',
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: ({ subject, other, path, signal }) => {
    let hold: LockHold | null = null;
    return {
      act: async () => {
        hold = await new Mutex(subject, path).tryAcquire({ signal });
        await hold?.release();
        return hold?.path;
      },
      settle: async () => {
        await hold?.release();
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: tryAcquire, busy',
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal }) => {
    const first = await new Mutex(other, path).acquire();
    return {
      act: () => new Mutex(subject, path).tryAcquire({ signal }),
      settle: async () => {
        await first.release();
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: tryAcquire for a time, busy',
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const first = await new Mutex(other, path).acquire();
    return {
      act: async () => {
        const timeoutMs = 2_345;
        const timer = catchTimer(timeoutMs);
        const trying = new Mutex(subject, path).tryAcquire({ timeoutMs, signal }).finally(timer.release);
        // The time is over when the waiting has begun, and not before.
        const overtime = untilSent({ operation: 'getData', path: first.path }).then(timer.fire);
        return await Promise.race([trying, overtime.then(() => trying)]);
      },
      settle: async () => {
        await first.release();
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: run, and run again inside',
  heeds: isWaitedFor,
  onExpiry: [HoldLostError],
  prepare: ({ subject, other, path, signal, untilSent }) => {
    const mutex = new Mutex(subject, path, { reentrant: true });
    return {
      act: async () => {
        const states: string[] = [];
        await mutex.run(
          async (outer) => {
            await untilSent({ operation: 'getData', path: outer.path });
            await mutex.run((inner) => states.push(inner.state));
            states.push(outer.state);
          },
          { signal },
        );
        expect(states).toEqual(['held', 'held']);
        return states;
      },
      settle: () => nextComes(new Mutex(other, path)),
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: acquire, told of the position',
  heeds: isWaitedForBehind('0000000000'),
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const first = await new Mutex(other, path).acquire();
    let hold: LockHold | undefined;
    return {
      act: async () => {
        const positions: number[] = [];
        // A new place in the line is told anew.
        const onQueued = (position: number): void => {
          if (position !== positions.at(-1)) positions.push(position);
        };
        const leave = async (): Promise<void> => {
          await untilSent({ operation: 'addWatch' });
          await untilSent({ operation: 'getData', path: first.path });
          await first.release();
        };
        [hold] = await Promise.all([new Mutex(subject, path).acquire({ signal, onQueued }), leave()]);
        await untilSent({ operation: 'removeWatches' });
        await hold.release();
        return [hold.path, positions];
      },
      settle: async () => {
        await Promise.all([first.release(), hold?.release()]);
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Mutex: acquire, refused because of those who wait',
  heeds: isWaitedFor,
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilWatches }) => {
    const theirs = new Mutex(other, path);
    const first = await theirs.acquire();
    const patience = new AbortController();
    const second = theirs.acquire({ signal: patience.signal }).catch(() => {});
    await untilWatches(2);
    const leave = async (): Promise<void> => {
      patience.abort();
      await Promise.all([first.release(), second]);
    };
    return {
      act: async () => {
        const refused = await new Mutex(subject, path)
          .acquire({ signal, maxWaiters: 1 })
          .catch((error: unknown) => error);
        if (!(refused instanceof TooManyWaitersError)) throw refused;
        await leave();
        return refused.waiters;
      },
      settle: async () => {
        await leave();
        await nextComes(theirs);
      },
    };
  },
});
