import { bytesCodec, PriorityQueue, Queue, ShardedQueue } from '@zk-recipes/queues';
import { describeEveryRequest, type World } from '../stage/every-request.js';
import type { SeenRequest } from '../stage/every-request-seen.js';
import { untilEmpty } from '../stage/lines.js';
import { clear, isWaitedFor, LOST, open } from './queues-play.js';

/** Settlements take no signal. Claims are made again when their directories turn out to be missing. */
const heedsOnly =
  (transactions: number) =>
  (request: SeenRequest): boolean =>
    isWaitedFor(request) && !(request.operation === 'multi' && request.nth > transactions);

/** What can be said of a queue from outside. */
async function stateOf({ other, path }: World): Promise<unknown> {
  const queue = new Queue(other, path);
  const letters = await queue.deadLetters();
  return [await queue.size(), await queue.peek(), letters.map(({ reason, attempts }) => [reason, attempts])];
}

await describeEveryRequest({
  name: 'Queue: take and acknowledge',
  heeds: heedsOnly(1),
  onExpiry: LOST,
  mayBeGivenUp: true,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    await new Queue(other, path).put('job');
    return {
      act: async () => {
        const delivery = await new Queue(subject, path).take({ signal });
        await Promise.all([delivery.ack(), delivery.ack()]);
        await delivery[Symbol.asyncDispose]();
        return [delivery.value, delivery.attempts, delivery.state, await stateOf(world)];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'PriorityQueue: take, retry, take again and acknowledge',
  heeds: heedsOnly(1),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    await new PriorityQueue(other, path).put('job', { priority: 7 });
    return {
      act: async () => {
        const queue = new PriorityQueue(subject, path);
        const seen: unknown[] = [];
        const first = await queue.take({ signal });
        seen.push(first.priority, first.attempts, first.lastReason);
        await first.retry({ reason: 'not yet' });
        const second = await queue.take({ signal });
        seen.push(second.priority, second.attempts, second.lastReason, second.path === first.path);
        await second.ack();
        return [seen, await stateOf(world)];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: take and reject',
  heeds: heedsOnly(1),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    await new Queue(other, path).put('job');
    return {
      act: async () => {
        const delivery = await new Queue(subject, path).take({ signal });
        await delivery.reject('no good');
        return await stateOf(world);
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: what was handed out too often becomes a dead letter, and so does what cannot be read',
  heeds: heedsOnly(1),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    const others = new Queue(other, path);
    await others.put('first');
    await (await others.take()).retry({ reason: 'of the first' });
    await other.create().forPath(`${path}/queue-0000000003`, 'no framing');
    await new Queue(other, path, { codec: bytesCodec }).put(Buffer.from('no JSON'));
    await others.put('last');
    await other.create().forPath(`${path}/foreign`, 'left alone');
    return {
      act: async () => {
        const delivery = await new Queue(subject, path, { maxAttempts: 1 }).take({ signal });
        await delivery.ack();
        return [delivery.value, await stateOf(world)];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: consume item after item',
  heeds: heedsOnly(3),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    await new Queue(other, path).putAll(['one', 'two', 'three', 'four']);
    return {
      act: async () => {
        const seen: unknown[] = [];
        for await (const delivery of new Queue<string>(subject, path).consume({ signal })) {
          seen.push(delivery.value);
          // The third goes back when the loop is left.
          if (delivery.value === 'three') break;
          await delivery.ack();
        }
        // Without a connection the loop does not wait for that.
        await untilEmpty(other, `${path}-side/claims`);
        return [seen, await stateOf(world)];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: take what comes later',
  heeds: heedsOnly(1),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent } = world;
    await open(other, path);
    let putting: Promise<void> | undefined;
    return {
      act: async () => {
        const put = async (): Promise<void> => {
          await untilSent({ operation: 'create2' });
          if (signal.aborted) return;
          putting = new Queue(other, path).put('later');
          await putting;
        };
        const [delivery] = await Promise.all([new Queue(subject, path).take({ signal }), put()]);
        await delivery.ack();
        return [delivery.value, delivery.attempts, await stateOf(world)];
      },
      settle: async () => {
        await putting;
        await clear(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'ShardedQueue: take and acknowledge',
  heeds: heedsOnly(2),
  onExpiry: LOST,
  prepare: async ({ subject, other, path, signal }) => {
    await new ShardedQueue(other, path, { shards: 1 }).put('job');
    return {
      act: async () => {
        const queue = new ShardedQueue(subject, path, { shards: 1 });
        const delivery = await queue.take({ signal });
        await delivery.ack();
        return [delivery.value, delivery.attempts, await new ShardedQueue(other, path, { shards: 1 }).size()];
      },
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'Queue: two at a time',
  // Whether a place in line is taken before the loop is left is a matter of moments.
  atLeastOnce: true,
  heeds: (request) => heedsOnly(1)(request) && !request.operation.startsWith('create'),
  onExpiry: LOST,
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    await new Queue(other, path).putAll(['one', 'two']);
    return {
      act: async () => {
        const seen = new Set<string>();
        const acks: Promise<unknown>[] = [];
        const deliveries = new Queue<string>(subject, path).consume({ concurrency: 2, signal });
        for await (const delivery of deliveries) {
          seen.add(delivery.value);
          acks.push(delivery.ack().catch((error: unknown) => error));
          if (seen.size === 2) break;
        }
        const error = (await Promise.all(acks)).find((one) => one !== undefined);
        // When nothing is under way any more this waits for the end of all else.
        await deliveries.return?.();
        if (error !== undefined) throw error;
        return [[...seen], await stateOf(world)];
      },
      settle: () => clear(other, path),
    };
  },
});
