import { ConnectionLossError } from '@zk-recipes/core';
import { IdQueue, PriorityQueue, Queue, ShardedQueue } from '@zk-recipes/queues';
import { describeEveryRequest } from '../stage/every-request.js';
import type { SeenRequest } from '../stage/every-request-seen.js';
import { clear, isWaitedFor, open } from './queues-play.js';

/** Those transactions that come later remove markers, for which nobody waits. */
const heedsOnly =
  (transactions: number) =>
  (request: SeenRequest): boolean =>
    isWaitedFor(request) && !(request.operation === 'multi' && request.nth > transactions);

await describeEveryRequest({
  name: 'Queue: put',
  heeds: heedsOnly(2),
  onExpiry: [ConnectionLossError],
  mayBeGivenUp: true,
  prepare: ({ subject, other, path, signal }) => ({
    act: async () => {
      const queue = new Queue(subject, path);
      await queue.put('one', { signal });
      await queue.putAll(['two', 'three'], { signal });
      await queue.putAll([], { signal });
      return [await new Queue(other, path).size(), await new Queue(other, path).peek()];
    },
    settle: () => clear(other, path),
  }),
});

await describeEveryRequest({
  name: 'PriorityQueue: put several at once',
  heeds: heedsOnly(0),
  // Each may come after the others.
  atLeastOnce: true,
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal }) => {
    await open(other, path);
    return {
      act: async () => {
        const queue = new PriorityQueue(subject, path);
        // Of such priorities that the number behind them is told from them.
        const puts = [-1, -3, -2].map((priority) => queue.put(priority, { priority, signal }));
        await Promise.all(puts);
        return [await new PriorityQueue(other, path).size(), await new PriorityQueue(other, path).peek()];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: put where there is room',
  heeds: isWaitedFor,
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal }) => {
    await open(other, path);
    return {
      act: async () => {
        const queue = new Queue(subject, path, { maxItems: 2 });
        await queue.putAll(['one', 'two'], { signal });
        return await new Queue(other, path).size();
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: put where there is no room at first',
  heeds: isWaitedFor,
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const others = new Queue(other, path);
    await others.put('first');
    return {
      act: async () => {
        const makeRoom = async (): Promise<void> => {
          // The second look comes after the watch.
          await untilSent({ operation: 'exists', path }, 2);
          if (signal.aborted) return;
          const delivery = await others.take({ signal });
          await delivery.ack();
        };
        await Promise.all([new Queue(subject, path, { maxItems: 1 }).put('second', { signal }), makeRoom()]);
        return [await others.size(), await others.peek()];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'ShardedQueue: put and look',
  heeds: heedsOnly(1),
  onExpiry: [ConnectionLossError],
  prepare: ({ subject, other, path, signal }) => ({
    act: async () => {
      const queue = new ShardedQueue(subject, path, { shards: 1 });
      await queue.put('one', { signal });
      return [await queue.size({ signal }), await queue.peek({ signal })];
    },
    settle: () => clear(other, path),
  }),
});

await describeEveryRequest({
  name: 'IdQueue: remove by id',
  heeds: heedsOnly(0),
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal }) => {
    const others = new IdQueue(other, path);
    await others.put(1, { id: 'a/b' });
    await others.put(2, { id: 'other' });
    await others.put(3, { id: 'a|b' });
    const retried = await others.take();
    await retried.retry();
    return {
      act: async () => {
        const removed = await new IdQueue(subject, path).remove('a_b', { signal });
        return [removed, await others.size(), await others.peek()];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: look, and revive a dead letter',
  heeds: heedsOnly(1),
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal }) => {
    const others = new Queue(other, path);
    await others.put('job');
    await (await others.take()).reject('no good');
    return {
      act: async () => {
        const queue = new Queue(subject, path);
        const before = [await queue.size({ signal }), await queue.peek({ signal })];
        const [letter] = await queue.deadLetters({ signal });
        if (letter === undefined) throw new Error('there is no dead letter');
        await queue.revive(letter, { signal });
        return [before, letter.reason, letter.attempts, await others.deadLetters(), await others.peek()];
      },
      settle: () => clear(other, path),
    };
  },
});
