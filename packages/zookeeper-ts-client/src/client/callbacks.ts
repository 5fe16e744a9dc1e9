import { type Channel, channel } from 'node:diagnostics_channel';

/** Name of the `node:diagnostics_channel` on which everything is published that callbacks of users throw. */
export const CALLBACK_ERROR_CHANNEL = 'zookeeper-ts-client:callback-error';

const callbackErrors: Channel = channel(CALLBACK_ERROR_CHANNEL);

/**
 * Calls what a user gave. What it throws, or rejects with if it is async, is published, and told to `onThrow` afterwards; the
 * session and its other users are not concerned.
 */
export function callSafely(callback: () => unknown, onThrow: (error: unknown) => void): void {
  const report = (error: unknown): void => {
    callbackErrors.publish({ error });
    // Listeners of errors throw into the channel alone: there is nobody left to tell.
    // By a promise, since fake timers of a test runner may replace `queueMicrotask`.
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
