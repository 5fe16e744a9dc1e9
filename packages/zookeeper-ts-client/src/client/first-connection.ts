import { AuthFailedError, ClosedError, SessionExpiredError } from '../errors.js';
import type { ConnectionState } from '../session/session-state.js';

/** What waiting for the first connection needs of a client. */
export interface Connectable {
  readonly state: ConnectionState;
  on(event: 'state', listener: (state: ConnectionState) => void): unknown;
  off(event: 'state', listener: (state: ConnectionState) => void): unknown;
  close(): Promise<void>;
}

/**
 * Starts a client and waits until it is connected.
 *
 * @param attempts the last failure of each server tried, by its address
 * @throws AggregateError of those failures when `signal` aborts, its `cause` the signal's reason
 */
export async function firstConnection(
  client: Connectable,
  start: () => void,
  attempts: ReadonlyMap<string, Error>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const giveUp = (): AggregateError => {
    const failures = [...attempts].map(([server, error]) => new Error(`${server}: ${error.message}`, { cause: error }));
    const tried =
      failures.length === 0 ? 'no server has answered yet' : failures.map(({ message }) => message).join('; ');
    return new AggregateError(failures, `Gave up connecting: ${tried}`, { cause: signal?.reason });
  };
  if (signal?.aborted) throw giveUp();
  await new Promise<void>((resolve, reject) => {
    const finish = (settle: () => void): void => {
      client.off('state', onState);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => {
      finish(() => reject(giveUp()));
      void client.close();
    };
    const onState = (state: ConnectionState): void => {
      if (state === 'connected' || state === 'connected-read-only') finish(resolve);
      else if (state === 'expired') finish(() => reject(new SessionExpiredError()));
      else if (state === 'auth-failed') finish(() => reject(new AuthFailedError()));
      else if (state === 'closed') finish(() => reject(new ClosedError()));
    };
    client.on('state', onState);
    signal?.addEventListener('abort', onAbort, { once: true });
    start();
  });
}
