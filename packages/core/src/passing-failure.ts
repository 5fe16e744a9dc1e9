import {
  ConnectionLossError,
  MarshallingError,
  NotReadOnlyError,
  SessionExpiredError,
  SessionMovedError,
  ThrottledOpError,
} from 'zookeeper-ts-client';

/**
 * Returns whether a failure passes by itself, so that the same operation may succeed later if it is safe to repeat. This is the only list
 * of such errors: the retries of a `Keeper` and all recipes use this function.
 */
export function isPassing(error: unknown): error is Error {
  // An unreadable reply, e.g. one that is too large, is the same at each repetition.
  if (error instanceof ConnectionLossError) return !(error.cause instanceof MarshallingError);
  return (
    error instanceof SessionExpiredError ||
    error instanceof SessionMovedError ||
    error instanceof ThrottledOpError ||
    error instanceof NotReadOnlyError
  );
}

/** Returns whether the error leaves open if the server executed the request. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ConnectionLossError && error.outcome === 'unknown';
}
