import { ClosedError } from '@zk-recipes/core';
import { LeaderLatch } from '@zk-recipes/leader-election';
import { describeEveryRequest, type World } from '../stage/every-request.js';

/** A latch of the subject's and all that it tells. */
function latchOf({ subject, path }: World): { latch: LeaderLatch; heard: string[] } {
  const latch = new LeaderLatch(subject, path, { id: 'subject' });
  const heard: string[] = [];
  latch.on('leader', ({ id }) => heard.push(`${id} leads`));
  latch.on('notLeader', () => heard.push('leads no more'));
  return { latch, heard };
}

/** The leader's look at its own znode is its own affair: nobody waits for it. */
const heeds = ({ operation }: { readonly operation: string }): boolean =>
  !['getData', 'delete', 'removeWatches'].includes(operation);

await describeEveryRequest({
  name: 'LeaderLatch: start, lead, close',
  goesOn: true,
  heeds,
  prepare: (world) => {
    const { latch, heard } = latchOf(world);
    return {
      act: async () => {
        await latch.start();
        await latch.awaitLeadership({ signal: world.signal });
        await latch.close();
        return heard;
      },
      settle: () => latch.close(),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderLatch: start, wait, lead, close',
  goesOn: true,
  heeds,
  prepare: async (world) => {
    const { other, path, signal, untilSent, untilWatches } = world;
    const first = new LeaderLatch(other, path, { id: 'other' });
    await first.start();
    await untilWatches(1);
    const { latch, heard } = latchOf(world);
    return {
      act: async () => {
        await latch.start();
        const handOver = async (): Promise<void> => {
          await untilSent({ operation: 'getData', path: `${path}/latch-0000000000` });
          // Whoever has given up is to notice it by himself.
          if (!signal.aborted) await first.close();
        };
        await Promise.all([latch.awaitLeadership({ signal }), handOver()]);
        await latch.close();
        return heard;
      },
      settle: () => Promise.all([first.close(), latch.close()]),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderLatch: closed at any time, with nobody before it',
  goesOn: true,
  heeds,
  prepare: (world) => {
    const { latch, heard } = latchOf(world);
    return {
      act: async () => {
        await closedBy(world.signal, latch, async () => {
          await latch.start();
          await latch.awaitLeadership();
        });
        await latch.close();
        return heard;
      },
      settle: () => latch.close(),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderLatch: closed at any time, while somebody else leads',
  goesOn: true,
  prepare: async (world) => {
    const { other, path, untilSent, untilWatches } = world;
    const first = new LeaderLatch(other, path, { id: 'other' });
    await first.start();
    await untilWatches(1);
    const { latch, heard } = latchOf(world);
    return {
      act: async () => {
        await closedBy(world.signal, latch, async () => {
          await latch.start();
          await unlessAborted(world.signal, untilSent({ operation: 'getData', path: `${path}/latch-0000000000` }));
        });
        await latch.close();
        return heard;
      },
      settle: () => Promise.all([first.close(), latch.close()]),
    };
  },
});

/** Does something that the signal ends by closing a latch. */
async function closedBy(signal: AbortSignal, latch: LeaderLatch, work: () => Promise<unknown>): Promise<void> {
  const close = (): void => void latch.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  try {
    await work();
    signal.throwIfAborted();
  } catch (error) {
    if (error instanceof ClosedError) signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
  }
}

/** Waits for something that does not come when the signal aborts first. */
async function unlessAborted(signal: AbortSignal, awaited: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
  });
  await Promise.race([awaited, aborted]);
  over.abort();
}
