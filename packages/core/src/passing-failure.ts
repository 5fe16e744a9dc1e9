import {
  ConnectionLossError,
  MarshallingError,
  NotReadOnlyError,
  SessionExpiredError,
  SessionMovedError,
  ThrottledOpError,
} from 'zookeeper-ts-client';

/**
 * Whether a failure passes by itself: the same operation may succeed later, if it is safe to repeat. No other list of such errors exists: the
 * retries of a `Keeper` and all recipes ask this function.
 */
export function isPassing(error: unknown): error is Error {
  // A reply that cannot be read, e.g. one that is too large, comes again as often as it is asked for.
  if (error instanceof ConnectionLossError) return !(error.cause instanceof MarshallingError);
  return (
    error instanceof SessionExpiredError ||
    error instanceof SessionMovedError ||
    error instanceof ThrottledOpError ||
    error instanceof NotReadOnlyError
  );
}

/** Whether a request may or may not have been executed, for all that its error says. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ConnectionLossError && error.outcome === 'unknown';
}
