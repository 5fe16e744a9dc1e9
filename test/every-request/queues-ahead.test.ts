import { Queue } from '@zk-recipes/queues';
import { describeEveryRequest, type World } from '../stage/every-request.js';
import { clear, isWaitedFor, LOST, open } from './queues-play.js';

/** What can be said of a queue from outside. */
async function stateOf({ other, path }: World): Promise<unknown> {
  const queue = new Queue(other, path);
  return [await queue.size(), await queue.peek(), await queue.deadLetters()];
}

await describeEveryRequest({
  name: 'Queue: three at once, in line for what comes later',
  // How many are there when the first is seen, and so how many are claimed by one transaction, is a matter of moments.
  atLeastOnce: true,
  heeds: (request) => isWaitedFor(request) && !/^(multi|getData|create)/.test(request.operation),
  onExpiry: LOST,
  mayBeGivenUp: true,
  prepare: async (world) => {
    const { subject, other, path, signal, untilSent } = world;
    await open(other, path);
    let putting: Promise<void> | undefined;
    return {
      act: async () => {
        const put = async (): Promise<void> => {
          await untilSent({ operation: 'create2' });
          if (signal.aborted) return;
          putting = new Queue(other, path).putAll(['one', 'two', 'three']);
          await putting;
        };
        const deliveries = new Queue<string>(subject, path).consume({ concurrency: 3, signal });
        const takeAndAcknowledge = async (): Promise<unknown> => {
          const { value: delivery } = await deliveries.next();
          await delivery?.ack();
          return delivery?.value;
        };
        const taking = Promise.all([1, 2, 3].map(takeAndAcknowledge)).finally(() => deliveries.return?.());
        const [seen] = await Promise.all([taking, put()]);
        return [seen.sort(), await stateOf(world)];
      },
      settle: async () => {
        await putting;
        await clear(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Queue: process, with the next ones claimed ahead',
  atLeastOnce: true,
  // It ends by the handler's will.
  heeds: () => false,
  onExpiry: [],
  tellsOf: ['settling a delivery'],
  prepare: async (world) => {
    const { subject, other, path, signal } = world;
    await open(other, path);
    const others = new Queue(other, path);
    await others.putAll(['one', 'two', 'three', 'four', 'five']);
    await (await others.take()).retry({ reason: 'not yet' });
    return {
      act: async () => {
        signal.throwIfAborted();
        const controller = new AbortController();
        const seen = new Set<string>();
        await new Queue<string>(subject, path).process(
          ({ value }) => {
            seen.add(value);
            if (value === 'four') controller.abort();
          },
          { prefetch: 2, signal: controller.signal },
        );
        return [...seen];
      },
      settle: () => clear(other, path),
    };
  },
});
