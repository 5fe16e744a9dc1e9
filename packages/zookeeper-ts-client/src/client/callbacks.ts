import { type Channel, channel } from 'node:diagnostics_channel';

/** Name of the `node:diagnostics_channel` that publishes every error thrown by a callback of the caller. */
export const CALLBACK_ERROR_CHANNEL = 'zookeeper-ts-client:callback-error';

const callbackErrors: Channel = channel(CALLBACK_ERROR_CHANNEL);

/**
 * Calls a callback of the caller. If the callback throws, or its promise rejects, the error is published and then passed to `onThrow`.
 * The error does not affect the session or other callbacks.
 */
export function callSafely(callback: () => unknown, onThrow: (error: unknown) => void): void {
  const report = (error: unknown): void => {
    callbackErrors.publish({ error });
    // If a listener for errors throws, the channel is the only place left for its error.
    // A promise delays the call, because the fake timers of a test runner may replace `queueMicrotask`.
    void Promise.resolve().then(() => {
      try {
        onThrow(error);
      } catch (another) {
        callbackErrors.publish({ error: another });
      }
    });
  };
  try {
    const returned = callback();
    if (returned instanceof Promise) returned.catch(report);
  } catch (error) {
    report(error);
  }
}
