import { follow, systemClock, unfollow } from 'zookeeper-ts-client';

/**
 * Waits in real time, even if a test runner fakes timers. Leaves no listener behind.
 *
 * @param ms milliseconds, 0 or more
 * @throws the signal's reason
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = systemClock.schedule(ms, () => {
      unfollow(signal, onAbort);
      resolve();
    });
    follow(signal, onAbort);
  });
}
