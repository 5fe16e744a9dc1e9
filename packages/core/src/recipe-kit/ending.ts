import { systemClock } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { LEFT_BEHIND } from '../execution/guaranteed-delete.js';
import type { Keeper } from '../keeper.js';

/** Work that was already reported as left behind: several endings may wait for the same work. */
const toldWork = new WeakSet<Promise<unknown>>();

/**
 * Waits for the remaining work of an ending with the server: no longer than the limit, and not at all without a connection. The work
 * continues in any case. If the limit passes first, a `backgroundError` with the operation `left behind` reports the work, once.
 *
 * @param left path of the znode that may remain, relative to the user's namespace; or a function, called after the limit, that returns
 *   several
 * @param work reports its own failures when no caller waits for it
 * @throws the rejection of the work, if it comes during the wait
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
      // The closing of the `Keeper` reports the remaining work itself.
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
