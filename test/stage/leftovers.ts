import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Keeper } from '@zk-recipes/core';

/** What may pile up in a process that does the same thing over and over. */
export interface Leftovers {
  readonly heapBytes: number;
  readonly timers: number;
  /** Listeners on the client below the keeper. */
  readonly listeners: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Takes stock, after a garbage collection. */
export async function takeStock(keeper: Keeper): Promise<Leftovers> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners: keeper.zookeeper.listenerCount('state'),
  };
}
