import { LeaderSelector, type LeaderSelectorOptions } from '@zk-recipes/leader-election';
import { contestant } from '../stage/contestants.js';
import { describeEveryRequest, type Scenario, type World } from '../stage/every-request.js';

/** A selector of the subject's, and what its function has done. */
class Troupe {
  readonly selector: LeaderSelector;
  readonly heard: string[] = [];
  readonly #signal: AbortSignal;
  #wake: () => void = () => {};

  constructor({ subject, path, signal }: World, options: LeaderSelectorOptions = {}) {
    this.#signal = signal;
    const lead = async (): Promise<void> => {
      this.heard.push('leads');
      this.#wake();
    };
    this.selector = new LeaderSelector(subject, path, lead, { id: 'subject', ...options });
  }

  /** Resolves when it has led so often, and closes it when the signal aborts. */
  async led(times: number): Promise<void> {
    const signal = this.#signal;
    const onAbort = (): void => {
      void this.selector.close();
      this.#wake();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    while (!signal.aborted && this.heard.length < times) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal.removeEventListener('abort', onAbort);
    signal.throwIfAborted();
  }
}

/** Nobody waits for the look at the own znode, nor for the end of a round. */
const heeds: Scenario<unknown>['heeds'] = ({ operation }) =>
  !['getData', 'delete', 'removeWatches'].includes(operation);

await describeEveryRequest({
  name: 'LeaderSelector: start, lead, close',
  goesOn: true,
  heeds,
  prepare: (world) => {
    const troupe = new Troupe(world);
    return {
      act: async () => {
        world.signal.throwIfAborted();
        troupe.selector.start();
        await troupe.led(1);
        await troupe.selector.close();
        return troupe.heard;
      },
      settle: () => troupe.selector.close(),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderSelector: start, wait, lead, close',
  goesOn: true,
  heeds: () => false,
  prepare: async (world) => {
    const { other, path, untilSent, untilWatches } = world;
    const first = contestant('LeaderSelector', other, path, 'other');
    await first.start();
    await untilWatches(1);
    const troupe = new Troupe(world);
    return {
      act: async () => {
        world.signal.throwIfAborted();
        troupe.selector.start();
        const handOver = untilSent({ operation: 'getData', path: `${path}/lock-0000000000` }).then(() => first.close());
        await Promise.all([troupe.led(1), handOver]);
        await troupe.selector.close();
        return troupe.heard;
      },
      settle: () => Promise.all([first.close(), troupe.selector.close()]),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderSelector: lead, requeue, lead, close',
  goesOn: true,
  heeds,
  prepare: (world) => {
    const troupe = new Troupe(world);
    return {
      act: async () => {
        world.signal.throwIfAborted();
        troupe.selector.start();
        await troupe.led(1);
        troupe.selector.requeue();
        await troupe.led(2);
        await troupe.selector.close();
        return troupe.heard;
      },
      settle: () => troupe.selector.close(),
    };
  },
});

await describeEveryRequest({
  name: 'LeaderSelector: always queued again, until it has led thrice',
  goesOn: true,
  heeds,
  prepare: (world) => {
    const troupe = new Troupe(world, { autoRequeue: true });
    return {
      act: async () => {
        world.signal.throwIfAborted();
        troupe.selector.start();
        await troupe.led(3);
        await troupe.selector.close();
        return troupe.heard;
      },
      settle: () => troupe.selector.close(),
    };
  },
});
