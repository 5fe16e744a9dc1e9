import type { ConnectionState } from '../session/session-state.js';

/** What following the states needs of a client. */
export interface Stateful {
  readonly state: ConnectionState;
  on(event: 'state', listener: (state: ConnectionState) => void): unknown;
  off(event: 'state', listener: (state: ConnectionState) => void): unknown;
}

/** Whether nothing comes after this state. */
export function hasEnded(state: ConnectionState): boolean {
  return state === 'expired' || state === 'auth-failed' || state === 'closed';
}

/** The present state and each later one, none left out, until the session has ended. Rejects with the signal's reason. */
export async function* statesOf(
  client: Stateful,
  signal: AbortSignal | undefined,
): AsyncGenerator<ConnectionState, void, void> {
  signal?.throwIfAborted();
  const waiting: ConnectionState[] = [client.state];
  let wake: () => void = () => {};
  const onState = (state: ConnectionState): void => {
    waiting.push(state);
    wake();
  };
  const onAbort = (): void => wake();
  client.on('state', onState);
  signal?.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const state = waiting.shift();
      if (state === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield state;
      if (hasEnded(state)) return;
    }
  } finally {
    client.off('state', onState);
    signal?.removeEventListener('abort', onAbort);
  }
}
