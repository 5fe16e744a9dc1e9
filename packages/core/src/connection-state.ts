/**
 * What the connection of a `Keeper` is worth.
 *
 * - `CONNECTED`: the first connection to a server that takes writes.
 * - `SUSPENDED`: no connection; the session, its ephemerals and watches may be alive.
 * - `RECONNECTED`: there is a connection again, of the same session or, after `LOST`, perhaps of a new one.
 * - `LOST`: the session is over, or can no longer be known to be alive: its ephemerals may be gone.
 * - `READ_ONLY`: connected to a server that has no quorum and takes no writes.
 */
export type ConnectionState = 'CONNECTED' | 'SUSPENDED' | 'RECONNECTED' | 'LOST' | 'READ_ONLY';

/**
 * Why the state of a connection changed.
 *
 * - `new-session`: the first connection of a session, the very first one included.
 * - `history`: the same, and the servers have lost transactions that this process has seen.
 * - `reconnected`: another connection of the same session.
 * - `disconnected`: the connection was lost.
 * - `validity`: the validity clock ran out without a connection.
 * - `expired`: the server has ended the session.
 * - `replaced`: a server answered for another session than the one asked for.
 * - `silence`: no server said anything for 4/3 of the session timeout.
 * - `auth-failed`: the server refused the credentials, or demands some.
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

/** A change of the connection state. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  readonly reason: StateChangeReason;
  /** How the session ended, where it did. */
  readonly error: Error | null;
}

/** What happens to a connection, for `transition`. */
export type ConnectionEvent = 'connected' | 'connected-read-only' | 'disconnected' | 'lost';

/** State of a connection and what has to be remembered with it. */
export interface ConnectionView {
  /** `null` before the first connection. */
  readonly state: ConnectionState | null;
  /** Whether there has been a connection that takes writes: the first is `CONNECTED`, all later ones `RECONNECTED`. */
  readonly wasConnected: boolean;
}

/** Where every connection begins. */
export const UNCONNECTED: ConnectionView = { state: null, wasConnected: false };

/**
 * What an event makes of a connection. Pure; returns `view` itself when nothing changes, so that nothing is announced twice.
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
