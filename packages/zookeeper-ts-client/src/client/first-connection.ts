import { AuthFailedError, ClosedError, ConnectFailedError, SessionExpiredError } from '../errors/errors.js';
import { withCallerFrames } from '../session/caller-frames.js';
import type { Clock } from '../session/clock.js';
import type { ConnectionState } from '../session/session-state.js';
import { follow, unfollow } from '../session/signal-followers.js';

/** Part of a client that is needed to wait for its first connection. */
export interface Connectable {
  readonly state: ConnectionState;
  /** Error with which every request rejects after the session has ended; `null` before. */
  readonly endError: Error | null;
  on(event: 'state', listener: (state: ConnectionState) => void): unknown;
  off(event: 'state', listener: (state: ConnectionState) => void): unknown;
}

/** Limits of the wait for the first connection. */
export interface ConnectLimits {
  readonly signal: AbortSignal | undefined;
  /** Resolves when this client cannot reach any server, regardless of the number of attempts. */
  readonly hopeless: Promise<unknown>;
  /** Longest total wait in milliseconds; `Infinity` for no limit. */
  readonly connectDeadlineMs: number;
  /** Resolves when a server has accepted all credentials of the client's options. */
  readonly authenticated: Promise<unknown>;
  /** Time at which `connectDeadlineMs` has passed, in monotonic milliseconds. */
  readonly deadlineAtMs: number;
  readonly clock: Clock;
}

/**
 * Waits until a client is connected and a server has accepted its credentials.
 *
 * @param attempts last failure of each server tried, by its address; read when the wait ends
 * @throws {ConnectFailedError} with those failures when `signal` aborts, the deadline passes, or `hopeless` resolves
 * @throws the error with which the session ended
 */
export async function untilConnected(
  client: Connectable,
  attempts: ReadonlyMap<string, Error>,
  { signal, authenticated, hopeless, connectDeadlineMs, deadlineAtMs, clock }: ConnectLimits,
): Promise<void> {
  if (signal?.aborted) throw connectFailed('Gave up connecting', attempts, { cause: signal.reason });
  const failure = await new Promise<(() => Error) | null>((resolve) => {
    let isSettled = false;
    let cancelDeadline = (): void => {};
    const finish = (settle: () => void): void => {
      isSettled = true;
      client.off('state', onState);
      unfollow(signal, onAbort);
      cancelDeadline();
      settle();
    };
    const onAbort = (): void =>
      finish(() => resolve(() => connectFailed('Gave up connecting', attempts, { cause: signal?.reason })));
    // After a blocked event loop the server's answer may already be in the socket, so read it first.
    const onDeadline = (): void => clock.afterIo(onStillUnconnected);
    const onStillUnconnected = (): void =>
      finish(() =>
        resolve(() => connectFailed(`No session within ${connectDeadlineMs} ms (connectDeadlineMs)`, attempts)),
      );
    void hopeless.then(() => finish(() => resolve(() => connectFailed('No connection over TLS', attempts))));
    let isAuthenticated = false;
    authenticated.then(
      () => {
        isAuthenticated = true;
        onState(client.state);
      },
      // The state reports the refusal.
      () => {},
    );
    const onState = (state: ConnectionState): void => {
      if (isSettled) return;
      if (state === 'connected' || state === 'connected-read-only') {
        if (isAuthenticated) finish(() => resolve(null));
      } else if (state === 'expired') finish(() => resolve(() => client.endError ?? new SessionExpiredError()));
      else if (state === 'auth-failed') finish(() => resolve(() => client.endError ?? new AuthFailedError()));
      else if (state === 'closed') finish(() => resolve(() => new ClosedError()));
    };
    client.on('state', onState);
    follow(signal, onAbort);
    if (deadlineAtMs !== Number.POSITIVE_INFINITY) {
      cancelDeadline = clock.schedule(Math.max(0, Math.ceil(deadlineAtMs - clock.now())), onDeadline);
    }
    onState(client.state);
  });
  // Created after the `await`, so that the stack contains the frames of the caller.
  if (failure !== null) throw withCallerFrames(failure);
}

function connectFailed(what: string, attempts: ReadonlyMap<string, Error>, options?: ErrorOptions): ConnectFailedError {
  const failures = [...attempts].map(([server, error]) => new Error(`${server}: ${error.message}`, { cause: error }));
  const tried =
    failures.length === 0 ? 'no server has answered yet' : failures.map(({ message }) => message).join('; ');
  return new ConnectFailedError(failures, `${what}: ${tried}`, options);
}
