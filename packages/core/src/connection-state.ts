/**
 * Connection state of a `Keeper`.
 *
 * - `CONNECTED`: the first connection to a server that accepts writes.
 * - `SUSPENDED`: no connection; the session, its ephemerals and watches may be alive.
 * - `RECONNECTED`: connected again, with the same session or, after `LOST`, perhaps with a new session.
 * - `LOST`: the session is over, or no longer certain to be alive. Its ephemerals may be gone.
 * - `READ_ONLY`: connected to a server that has no quorum and accepts no writes.
 */
export type ConnectionState = 'CONNECTED' | 'SUSPENDED' | 'RECONNECTED' | 'LOST' | 'READ_ONLY';

/**
 * Reason of a change of the connection state.
 *
 * - `new-session`: the first connection of a session, including the very first session.
 * - `history`: the first connection of a session, and the servers have lost transactions that this process has seen.
 * - `reconnected`: another connection of the same session.
 * - `disconnected`: the connection was lost.
 * - `validity`: the validity clock ran out without a connection.
 * - `expired`: the server has ended the session.
 * - `replaced`: a server answered for another session than the requested one.
 * - `silence`: no server answered for 4/3 of the session timeout.
 * - `auth-failed`: the server refused the credentials, or requires some.
 * - `closed`: this process has closed the `Keeper`.
 */
export type StateChangeReason =
  | 'new-session'
  | 'history'
  | 'reconnected'
  | 'disconnected'
  | 'validity'
  | 'expired'
  | 'replaced'
  | 'silence'
  | 'auth-failed'
  | 'closed';

/** Change of the connection state. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  readonly reason: StateChangeReason;
  /** Error with which the session ended; `null` if the session did not end. */
  readonly error: Error | null;
}

/** Event of a connection, as input for `transition`. */
export type ConnectionEvent = 'connected' | 'connected-read-only' | 'disconnected' | 'lost';

/** State of a connection and the history that the next state depends on. */
export interface ConnectionView {
  /** `null` before the first connection. */
  readonly state: ConnectionState | null;
  /** Whether a connection that accepts writes has existed: the first is `CONNECTED`, all later ones are `RECONNECTED`. */
  readonly wasConnected: boolean;
}

/** State before the first connection. */
export const UNCONNECTED: ConnectionView = { state: null, wasConnected: false };

/**
 * Returns the state of a connection after an event. Pure; returns `view` itself if nothing changes, so that no state is announced twice.
 *
 * | state                   | disconnected | lost | connected-read-only | connected               |
 * |-------------------------|--------------|------|---------------------|-------------------------|
 * | none yet                | –            | LOST | READ_ONLY           | CONNECTED               |
 * | CONNECTED, RECONNECTED  | SUSPENDED    | LOST | READ_ONLY           | –                       |
 * | READ_ONLY               | SUSPENDED    | LOST | –                   | CONNECTED / RECONNECTED |
 * | SUSPENDED               | –            | LOST | READ_ONLY           | CONNECTED / RECONNECTED |
 * | LOST                    | –            | –    | READ_ONLY           | CONNECTED / RECONNECTED |
 *
 * @see org.apache.curator.framework.state.ConnectionStateManager
 */
export function transition(view: ConnectionView, event: ConnectionEvent): ConnectionView {
  switch (event) {
    case 'disconnected':
      return view.state === null || view.state === 'LOST' ? view : to(view, 'SUSPENDED');
    case 'lost':
      return to(view, 'LOST');
    case 'connected-read-only':
      return to(view, 'READ_ONLY');
    case 'connected':
      if (!view.wasConnected) return { state: 'CONNECTED', wasConnected: true };
      return view.state === 'CONNECTED' ? view : to(view, 'RECONNECTED');
  }
}

function to(view: ConnectionView, state: ConnectionState): ConnectionView {
  return view.state === state ? view : { state, wasConnected: view.wasConnected };
}
