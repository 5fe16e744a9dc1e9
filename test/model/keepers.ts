import { Keeper, retryNTimes } from '@zk-recipes/core';
import { onSessionLapse } from '@zk-recipes/core/recipe-kit';
import type { TestServer } from '@zk-recipes/test-server';

/** A session that is short enough for its end to be waited for, and one that nobody waits for. */
export const SHORT_SESSION_MS = 300;
export const LONG_SESSION_MS = 60_000;

/** A keeper that comes back quickly, and never gives up. */
export async function keeperOf(server: TestServer, sessionTimeoutMs: number): Promise<Keeper> {
  return await Keeper.connect({
    connectString: server.connectString,
    sessionTimeoutMs,
    requestTimeoutMs: LONG_SESSION_MS,
    connectTimeoutMs: 200,
    retry: retryNTimes({ retries: 1_000, delayMs: 1 }),
    reconnect: { minDelayMs: 1, maxDelayMs: 5 },
  });
}

/** Keeps a set of the listeners that a keeper has at present, but for the one that all recipes share for its life. */
export function noteListeners(keeper: Keeper, listeners: Set<unknown>): void {
  onSessionLapse(keeper, keeper.sessionEpoch, () => {})();
  const [on, off] = [keeper.on.bind(keeper), keeper.off.bind(keeper)];
  const noting = (act: typeof on, note: 'add' | 'delete'): typeof on => {
    return (event, listener) => {
      listeners[note](listener);
      return act(event, listener);
    };
  };
  Object.defineProperties(keeper, { on: { value: noting(on, 'add') }, off: { value: noting(off, 'delete') } });
}
