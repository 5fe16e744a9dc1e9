import { until } from '@zk-recipes/test-support';
import { type ServerCounters, serverCounters } from './server-counters.js';

/** What some work cost a server. */
export interface Cost {
  readonly requests: number;
  readonly notices: number;
}

/**
 * Reads off a server's own counters what work costs, all that follows from it included. For a server that nobody else uses, and sessions so
 * long that no ping comes in between.
 */
export class CostMeter {
  readonly #server: () => string;
  #reads = 0;
  /** Whether the server counts these questions, too. */
  #perRead = 0;

  constructor(server: () => string) {
    this.#server = server;
  }

  /** Does some work, and waits until nothing moves any more. */
  async during(work: () => Promise<unknown>): Promise<Cost> {
    const before = await this.#untilQuiet();
    const reads = this.#reads;
    await work();
    const after = await this.#untilQuiet();
    const asked = (this.#reads - reads) * this.#perRead;
    return {
      requests: after.packetsReceived - before.packetsReceived - asked,
      notices: after.notices - before.notices,
    };
  }

  /** Resolves when three readings in a row differ by the reading only. */
  async #untilQuiet(): Promise<ServerCounters> {
    const readings: ServerCounters[] = [];
    return await until(
      async () => {
        const reading = await serverCounters(this.#server());
        this.#reads += 1;
        readings.push(reading);
        const [first, second, third] = readings.slice(-3) as [ServerCounters, ServerCounters?, ServerCounters?];
        if (second === undefined || third === undefined) return undefined;
        const steps = [second.packetsReceived - first.packetsReceived, third.packetsReceived - second.packetsReceived];
        const isStill = third.notices === first.notices && third.watches === first.watches;
        if (!isStill || steps[0] !== steps[1] || (steps[0] as number) > 1) return undefined;
        this.#perRead = steps[0] as number;
        return third;
      },
      { what: 'the server to be left alone', timeoutMs: 20_000, everyMs: 15 },
    );
  }
}

/** The mean of some costs, rounded to tenths. */
export function mean(costs: readonly Cost[]): Cost {
  const of = (key: keyof Cost): number =>
    Math.round((10 * costs.reduce((sum, cost) => sum + cost[key], 0)) / costs.length) / 10;
  return { requests: of('requests'), notices: of('notices') };
}
