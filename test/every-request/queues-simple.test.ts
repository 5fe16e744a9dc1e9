import { ConnectionLossError } from '@zk-recipes/core';
import { SimpleQueue } from '@zk-recipes/queues';
import { describeEveryRequest } from '../stage/every-request.js';
import type { SeenRequest } from '../stage/every-request-seen.js';
import { untilNames } from '../stage/lines.js';
import { clear, isWaitedFor } from './queues-play.js';

/** Those transactions that come later remove markers, for which nobody waits. */
const heedsOnly =
  (transactions: number) =>
  (request: SeenRequest): boolean =>
    isWaitedFor(request) && !(request.operation === 'multi' && request.nth > transactions);

await describeEveryRequest({
  name: 'SimpleQueue: offer, peek and poll',
  heeds: heedsOnly(3),
  onExpiry: [ConnectionLossError],
  prepare: ({ subject, other, path, signal }) => ({
    act: async () => {
      const queue = new SimpleQueue(subject, path);
      await queue.offer(Buffer.from('a'), { signal });
      await queue.offer(Buffer.from('b'), { signal });
      const seen = [await queue.size({ signal }), String(await queue.peek({ signal }))];
      return [...seen, String(await queue.poll({ signal })), await new SimpleQueue(other, path).size()];
    },
    settle: () => clear(other, path),
  }),
});

await describeEveryRequest({
  name: 'SimpleQueue: take what is there',
  heeds: heedsOnly(1),
  onExpiry: [ConnectionLossError],
  mayBeGivenUp: true,
  prepare: async ({ subject, other, path, signal }) => {
    const others = new SimpleQueue(other, path);
    await others.offer(Buffer.from('a'));
    await others.offer(Buffer.from('b'));
    return {
      act: async () => [String(await new SimpleQueue(subject, path).take({ signal })), await others.size()],
      settle: () => clear(other, path),
    };
  },
});

await describeEveryRequest({
  name: 'SimpleQueue: take what comes later',
  heeds: heedsOnly(1),
  onExpiry: [ConnectionLossError],
  prepare: ({ subject, other, path, signal, untilSent }) => {
    const others = new SimpleQueue(other, path);
    let offering: Promise<void> | undefined;
    return {
      act: async () => {
        const offer = async (): Promise<void> => {
          await untilSent({ operation: 'exists', path });
          if (signal.aborted) return;
          offering = others.offer(Buffer.from('a'));
          await offering;
        };
        const [data] = await Promise.all([new SimpleQueue(subject, path).take({ signal }), offer()]);
        return [String(data), await others.size()];
      },
      settle: async () => {
        await offering;
        await clear(other, path);
      },
    };
  },
});

await describeEveryRequest({
  name: 'SimpleQueue: take behind another taker',
  heeds: heedsOnly(1),
  onExpiry: [ConnectionLossError],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const others = new SimpleQueue(other, path);
    const first = others.take();
    await untilNames(other, `${path}-side/takers`, 1);
    let offering: Promise<void> | undefined;
    const offerBoth = async (): Promise<void> => {
      await others.offer(Buffer.from('a'));
      await others.offer(Buffer.from('b'));
    };
    return {
      act: async () => {
        const offer = async (): Promise<void> => {
          // Of the one before in the line.
          await untilSent({ operation: 'getData' });
          if (signal.aborted) return;
          offering = offerBoth();
          await offering;
        };
        const [data] = await Promise.all([new SimpleQueue(subject, path).take({ signal }), offer()]);
        return [String(await first), String(data), await others.size()];
      },
      settle: async () => {
        await (offering ?? offerBoth());
        await first;
        await clear(other, path);
      },
    };
  },
});
