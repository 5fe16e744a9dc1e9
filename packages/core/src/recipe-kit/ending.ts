import { systemClock } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { LEFT_BEHIND } from '../execution/guaranteed-delete.js';
import type { Keeper } from '../keeper.js';

/** Work of which was told that it is left behind: several endings may wait for one piece of work. */
const toldWork = new WeakSet<Promise<unknown>>();

/**
 * Waits for what an ending still has to do with the server: no longer than its limit, and not at all without a connection. The
 * work goes on in any case. If it is not done when the limit has passed, a `backgroundError` with the operation `left behind` says so, once.
 *
 * @param left path of what may be left, as users of the namespace name it; a function, asked when the limit has passed, gives several
 * @param work has to tell by itself of a failure that nobody waits for
 * @throws what the work rejects with while it is waited for
 */
export async function waitForEnding(
  keeper: Keeper,
  left: string | (() => readonly string[]),
  work: Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stopWaiting = (): void => {
      keeper.off('state', onState);
      resolve();
    };
    const onState = (state: ConnectionState): void => {
      if (state !== 'CONNECTED' && state !== 'RECONNECTED') stopWaiting();
    };
    const onLimit = (): void => {
      const why = new Error(`expected the end of it within ${timeoutMs} ms; it goes on in the background`);
      // Of what is left by then, the closing of the `Keeper` tells.
      if (!keeper.closed && !toldWork.has(work)) {
        toldWork.add(work);
        for (const path of typeof left === 'string' ? [left] : left())
          keeper.reportBackgroundError(why, LEFT_BEHIND, path);
      }
      stopWaiting();
    };
    const cancelLimit = systemClock.schedule(timeoutMs, onLimit, { keepsAlive: false });
    keeper.on('state', onState);
    work.then(
      () => {
        cancelLimit();
        stopWaiting();
      },
      (error: unknown) => {
        cancelLimit();
        keeper.off('state', onState);
        reject(error);
      },
    );
    onState(keeper.connectionState);
  });
}
