import type { ConnectionState } from '../session/session-state.js';
import { follow, unfollow } from '../session/signal-followers.js';

/** Part of a client that is needed to observe its states. */
export interface Stateful {
  readonly state: ConnectionState;
  on(event: 'state', listener: (state: ConnectionState) => void): unknown;
  off(event: 'state', listener: (state: ConnectionState) => void): unknown;
}

/** Whether a state is final: no other state follows it. */
export function hasEnded(state: ConnectionState): boolean {
  return state === 'expired' || state === 'auth-failed' || state === 'closed';
}

type Next = IteratorResult<ConnectionState, undefined>;
const DONE: Next = { done: true, value: undefined };

/**
 * Iterates over the current state and every later state, without gaps, until the session has ended. Rejects with the signal's reason
 * when the signal aborts.
 */
export function statesOf(client: Stateful, signal: AbortSignal | undefined): AsyncIterableIterator<ConnectionState> {
  const states: ConnectionState[] = [];
  const asked: { readonly resolve: (next: Next) => void; readonly reject: (reason: unknown) => void }[] = [];
  let isOver = false;
  let failure: { readonly reason: unknown } | null = null;

  const finish = (): void => {
    isOver = true;
    client.off('state', onState);
    unfollow(signal, onAbort);
    for (const { resolve } of asked.splice(0)) resolve(DONE);
  };
  const onState = (state: ConnectionState): void => {
    const next = asked.shift();
    if (next === undefined) states.push(state);
    else next.resolve({ done: false, value: state });
    if (hasEnded(state)) finish();
  };
  const onAbort = (): void => {
    states.length = 0;
    const next = asked.shift();
    if (next === undefined) failure = { reason: signal?.reason };
    else next.reject(signal?.reason);
    finish();
  };

  client.on('state', onState);
  follow(signal, onAbort);
  if (signal?.aborted) onAbort();
  else onState(client.state);
  return {
    next: () => {
      const state = states.shift();
      if (state !== undefined) return Promise.resolve({ done: false, value: state });
      if (failure !== null) {
        const { reason } = failure;
        failure = null;
        return Promise.reject(reason);
      }
      return isOver ? Promise.resolve(DONE) : new Promise((resolve, reject) => asked.push({ resolve, reject }));
    },
    return: () => {
      states.length = 0;
      finish();
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
