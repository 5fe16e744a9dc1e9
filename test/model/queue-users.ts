import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Keeper, retryNTimes } from '@zk-recipes/core';
import type { TestServer } from '@zk-recipes/test-server';

/** What takes longer hangs, in milliseconds. */
export const PATIENCE_MS = 10_000;

/** A keeper for a user that comes back quickly. @param retries how often it sends a request again */
export async function connectUser(server: TestServer, retries = 1_000): Promise<Keeper> {
  return await Keeper.connect({
    connectString: server.connectString,
    // After a jump of the wall clock it takes as long as that until what was held is given back.
    sessionTimeoutMs: 3_000,
    retry: retryNTimes({ retries, delayMs: 1 }),
    reconnect: { minDelayMs: 1, maxDelayMs: 5 },
  });
}

/** By which as many calls at once are given up as one likes. */
export function giver(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** What somebody has begun and not ended. */
export class Calls {
  readonly #underWay = new Set<Promise<void>>();

  follow(call: Promise<void>): void {
    const followed = call.finally(() => this.#underWay.delete(followed));
    this.#underWay.add(followed);
  }

  /** Resolves when all have ended, those included that begin meanwhile. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}

/** Waits for something. @param onOverdue told, once, if it hangs: then the result is `null` */
export async function patiently<T>(work: Promise<T>, onOverdue: () => void): Promise<T | null> {
  const patience = new AbortController();
  const overdue = delay(PATIENCE_MS, null, { signal: patience.signal, ref: false }).then(() => {
    onOverdue();
    return null;
  });
  overdue.catch(() => {});
  return await Promise.race([work, overdue]).finally(() => patience.abort());
}

/** Lets the event loop turn so often. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
