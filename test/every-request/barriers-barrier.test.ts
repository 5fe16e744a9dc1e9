import { Barrier } from '@zk-recipes/barriers';
import { describeEveryRequest } from '../stage/every-request.js';

await describeEveryRequest({
  name: 'Barrier: set, ask, remove',
  onExpiry: [],
  prepare: ({ subject, other, path, signal }) => {
    const barrier = new Barrier(subject, path);
    return {
      act: async () => {
        await barrier.set({ signal });
        const isSet = await barrier.isSet({ signal });
        await barrier.remove({ signal });
        return [isSet, await barrier.isSet({ signal })];
      },
      settle: () => new Barrier(other, path).remove(),
    };
  },
});

await describeEveryRequest({
  name: 'Barrier: set and remove what is as wanted already',
  onExpiry: [],
  prepare: async ({ subject, other, path, signal }) => {
    await new Barrier(other, path).set();
    const barrier = new Barrier(subject, path);
    return {
      act: async () => {
        await barrier.set({ signal });
        await new Barrier(other, path).remove();
        await barrier.remove({ signal });
      },
      settle: () => new Barrier(other, path).remove(),
    };
  },
});

await describeEveryRequest({
  name: 'Barrier: wait',
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const others = new Barrier(other, path);
    await others.set();
    return {
      act: async () => {
        const release = async (): Promise<void> => {
          await untilSent({ operation: 'getData', path });
          // Nothing once it is given up: what fires is no leak any more.
          if (!signal.aborted) await others.remove();
        };
        await Promise.all([new Barrier(subject, path).wait({ signal }), release()]);
      },
      settle: () => others.remove(),
    };
  },
});

await describeEveryRequest({
  name: 'Barrier: wait for one that is set again at once',
  onExpiry: [],
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const others = new Barrier(other, path);
    await others.set();
    return {
      act: async () => {
        const waiting = new Barrier(subject, path).wait({ signal });
        const reset = async (): Promise<void> => {
          await untilSent({ operation: 'exists', path });
          if (signal.aborted) return;
          await others.remove();
          await others.set();
          // A look that was refused, and repeated, found the second one: then that is waited for.
          await Promise.race([waiting, untilSent({ operation: 'getData', path })]);
          await others.remove();
        };
        await Promise.all([waiting, reset()]);
      },
      settle: () => others.remove(),
    };
  },
});
