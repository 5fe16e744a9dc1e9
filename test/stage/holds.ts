import type { HoldLostError } from '@zk-recipes/core';

/** Resolves with the reason of a hold's signal when it aborts. */
export function untilAborted(signal: AbortSignal): Promise<HoldLostError> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(signal.reason as HoldLostError);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
