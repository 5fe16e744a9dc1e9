import { AuthFailedError, ClosedError, SessionExpiredError, type SessionExpiry } from '../errors/errors.js';
import type { ConnectResponse } from '../protocol/handshake.js';
import type { Connection } from './connection.js';

/** The id and password that a client presents to resume its session. */
export interface SessionIdentity {
  /** The session id; 0 when there is no session that a read-write server would know. */
  readonly id: bigint;
  readonly passwd: Uint8Array;
}

/** The connection state in which a session ends. */
export type EndReason = 'expired' | 'auth-failed' | 'closed';

/** The end of a session: its final state, and the data for the error with which every later request rejects. */
export type SessionEnd =
  | { readonly reason: 'expired'; readonly expiry: SessionExpiry; readonly cause?: Error | undefined }
  | { readonly reason: 'auth-failed'; readonly message?: string | undefined }
  | { readonly reason: 'closed' };

/**
 * The phase of a session, and the connection that the session has in that phase. `identity` is `null` for a new session that no server has
 * accepted yet.
 */
export type SessionState =
  | { readonly phase: 'idle'; readonly identity: SessionIdentity | null }
  | { readonly phase: 'pausing'; readonly identity: SessionIdentity | null }
  /** The client is opening the connection. */
  | { readonly phase: 'connecting'; readonly identity: SessionIdentity | null; readonly connection: Connection }
  /** The client has sent the handshake. */
  | { readonly phase: 'handshaking'; readonly identity: SessionIdentity | null; readonly connection: Connection }
  /** A server has granted the session and has not yet reported the last transaction of its history. */
  | { readonly phase: 'verifying'; readonly identity: SessionIdentity; readonly connection: Connection }
  | {
      readonly phase: 'connected';
      readonly identity: SessionIdentity;
      readonly connection: Connection;
      readonly readOnly: boolean;
    }
  | { readonly phase: 'closing'; readonly identity: SessionIdentity; readonly connection: Connection }
  | { readonly phase: 'ended'; readonly identity: SessionIdentity | null; readonly end: SessionEnd };

/** An event in the life of a session. */
export type SessionEvent =
  | { readonly type: 'start' }
  /** The session has started a connection to one server. */
  | { readonly type: 'attempt'; readonly connection: Connection }
  | { readonly type: 'opened' }
  /** `inDoubt`: the handshake did not state the last zxid that the client had seen, so the server's history may be older. */
  | { readonly type: 'responded'; readonly response: ConnectResponse; readonly inDoubt: boolean }
  /** The server has reported the last transaction of its history. */
  | { readonly type: 'verified' }
  | { readonly type: 'lost'; readonly cause: Error }
  /** No server has sent anything for longer than the session can live. */
  | { readonly type: 'silent'; readonly cause: Error }
  | { readonly type: 'auth-refused'; readonly message: string }
  | { readonly type: 'close' }
  | { readonly type: 'closed' };

/** An effect that the session must perform after a transition; the session performs effects in the order of their list. */
export type SessionEffect =
  | { readonly type: 'pause' }
  | { readonly type: 'send-connect-request' }
  | { readonly type: 'accept'; readonly response: ConnectResponse }
  | { readonly type: 'verify' }
  | { readonly type: 'restore' }
  /** Closes the session that the server granted instead of the requested session. */
  | { readonly type: 'decline'; readonly connection: Connection }
  /**
   * Ends the pause, the attempt or the connection in progress. `established`: the session had sent requests on this connection or queued
   * requests for it; these requests are lost with the connection.
   */
  | {
      readonly type: 'drop';
      readonly connection: Connection | null;
      readonly cause: Error;
      readonly established: boolean;
    }
  | { readonly type: 'send-close' }
  | { readonly type: 'end'; readonly end: SessionEnd }
  | { readonly type: 'announce'; readonly state: ConnectionState };

/** The connection state that users see. */
export type ConnectionState =
  | 'connecting'
  | 'connected'
  | 'connected-read-only'
  | 'disconnected'
  | 'expired'
  | 'auth-failed'
  | 'closed';

/** The next state of a session, and the effects of entering it. */
export interface Transition {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/**
 * Returns the next state of a session after an event, and the effects of the transition. Pure. A pair of phase and event without a row has
 * no effect. Each end of a session is also announced. Announcements come last, because a listener may call the session at once.
 *
 * | phase       | event                              | next phase  | effects                                         |
 * |-------------|------------------------------------|-------------|-------------------------------------------------|
 * | idle        | start                              | pausing     | pause, announce connecting                      |
 * | pausing     | attempt                            | connecting  |                                                 |
 * | connecting  | opened                             | handshaking | send-connect-request                            |
 * | handshaking | responded, protocol version not 0  | pausing     | drop, pause                                     |
 * | handshaking | responded, id asked, gone          | ended       | drop, end expired (server)                      |
 * | handshaking | responded, id asked, another given | ended       | decline, drop, end expired (replaced)           |
 * | handshaking | responded, refused                 | pausing     | drop, pause                                     |
 * | handshaking | responded, history in doubt        | verifying   | accept, verify                                  |
 * | handshaking | responded                          | connected   | accept, restore, announce connected[-read-only] |
 * | connecting, handshaking | lost                   | pausing     | drop, pause                                     |
 * | pausing, connecting, handshaking | silent, id asked | ended    | drop, end expired (silence)                     |
 * | verifying   | verified                           | connected   | restore, announce connected                     |
 * | verifying   | lost                               | pausing     | drop, pause                                     |
 * | verifying, connected | auth-refused              | ended       | drop, end auth-failed                           |
 * | verifying, connected | close                     | closing     | send-close                                      |
 * | connected   | lost                               | pausing     | drop, pause, announce disconnected              |
 * | closing     | closed, lost, auth-refused         | ended       | drop, end closed                                |
 * | idle, pausing, connecting, handshaking | close   | ended       | drop, end closed                                |
 * | any but ended | closed                           | ended       | drop, end closed                                |
 *
 * If a server answers with another session than the requested one, the session ends at once, before the client restores anything. The
 * requested session may be over, and its ephemeral znodes with it. Some servers (ClickHouse Keeper) answer with another session at every
 * reconnect.
 */
export function transition(state: SessionState, event: SessionEvent): Transition {
  if (state.phase === 'ended') return stay(state);
  if (event.type === 'closed') return end(state, CLOSED);
  switch (state.phase) {
    case 'idle':
      if (event.type === 'start') return pause(state.identity, [], 'connecting');
      return event.type === 'close' ? end(state, CLOSED) : stay(state);
    case 'pausing':
      if (event.type === 'attempt') {
        return { state: { phase: 'connecting', identity: state.identity, connection: event.connection }, effects: [] };
      }
      if (event.type === 'silent') return afterSilence(state, event.cause);
      return event.type === 'close' ? end(state, CLOSED) : stay(state);
    case 'connecting':
    case 'handshaking':
      return whileOpening(state, event);
    case 'verifying':
      return whileVerifying(state, event);
    case 'connected':
      return whileConnected(state, event);
    case 'closing':
      return event.type === 'lost' || event.type === 'auth-refused' ? end(state, CLOSED) : stay(state);
  }
}

function whileOpening(state: SessionState & { phase: 'connecting' | 'handshaking' }, event: SessionEvent): Transition {
  switch (event.type) {
    case 'opened':
      if (state.phase === 'handshaking') return stay(state);
      return { state: { ...state, phase: 'handshaking' }, effects: [{ type: 'send-connect-request' }] };
    case 'responded':
      return state.phase === 'handshaking' ? afterHandshake(state, event.response, event.inDoubt) : stay(state);
    case 'silent':
      return afterSilence(state, event.cause);
    case 'lost':
      return tryAnother(state, event.cause);
    case 'close':
      return end(state, CLOSED);
    default:
      return stay(state);
  }
}

function afterHandshake(
  state: SessionState & { phase: 'handshaking' },
  response: ConnectResponse,
  inDoubt: boolean,
): Transition {
  const { protocolVersion, timeOut, sessionId, readOnly } = response;
  const asked = idOf(state);
  if (protocolVersion !== 0) {
    return tryAnother(state, new Error(`expected protocol version 0 in the handshake, got ${protocolVersion}`));
  }
  if (timeOut <= 0) {
    if (asked !== 0n) return end(state, { reason: 'expired', expiry: 'server' });
    return tryAnother(state, new Error('the server refused a new session'));
  }
  if (asked !== 0n && !readOnly && sessionId !== asked) {
    const cause = new Error(`expected session 0x${hex(asked)} in the handshake, got session 0x${hex(sessionId)}`);
    return end(state, { reason: 'expired', expiry: 'replaced', cause }, [
      { type: 'decline', connection: state.connection },
    ]);
  }
  // A read-only server invents a session that no other server knows, so the next handshake asks again for the same id (0 for a new
  // session).
  const id = readOnly ? asked : sessionId;
  const passwd =
    readOnly && id !== 0n ? (state.identity?.passwd ?? new Uint8Array()) : (response.passwd ?? new Uint8Array());
  const identity = { id, passwd };
  const accept: SessionEffect = { type: 'accept', response };
  if (inDoubt && !readOnly) {
    const { connection } = state;
    return { state: { phase: 'verifying', identity, connection }, effects: [accept, { type: 'verify' }] };
  }
  return connect(identity, state.connection, readOnly, [accept]);
}

function whileVerifying(state: SessionState & { phase: 'verifying' }, event: SessionEvent): Transition {
  switch (event.type) {
    case 'verified':
      return connect(state.identity, state.connection, false, []);
    case 'lost':
      return tryAnother(state, event.cause);
    default:
      return whileServed(state, event);
  }
}

function whileConnected(state: SessionState & { phase: 'connected' }, event: SessionEvent): Transition {
  if (event.type !== 'lost') return whileServed(state, event);
  return pause(state.identity, [drop(state, event.cause, true)], 'disconnected');
}

/** Handles the events that can occur at any time once a server has accepted the session. */
function whileServed(state: SessionState & { phase: 'verifying' | 'connected' }, event: SessionEvent): Transition {
  switch (event.type) {
    case 'auth-refused':
      return end(state, { reason: 'auth-failed', message: event.message });
    case 'close':
      return {
        state: { phase: 'closing', identity: state.identity, connection: state.connection },
        effects: [{ type: 'send-close' }],
      };
    default:
      return stay(state);
  }
}

function connect(
  identity: SessionIdentity,
  connection: Connection,
  readOnly: boolean,
  effects: readonly SessionEffect[],
): Transition {
  return {
    state: { phase: 'connected', identity, connection, readOnly },
    effects: [
      ...effects,
      { type: 'restore' },
      { type: 'announce', state: readOnly ? 'connected-read-only' : 'connected' },
    ],
  };
}

/**
 * Ends an existing session after silence. The silent servers may still keep the session alive, so only this client can decide that it is
 * over.
 */
function afterSilence(state: SessionState, cause: Error): Transition {
  return idOf(state) === 0n ? stay(state) : end(state, { reason: 'expired', expiry: 'silence', cause });
}

/** Returns the session id that the handshake asks for; 0 for a new session. */
function idOf({ identity }: SessionState): bigint {
  return identity?.id ?? 0n;
}

function hex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

function tryAnother(state: SessionState, cause: Error): Transition {
  return pause(state.identity, [drop(state, cause, false)]);
}

function drop(state: SessionState, cause: Error, established: boolean): SessionEffect {
  return { type: 'drop', connection: connectionOf(state), cause, established };
}

/** Returns the current connection of a session; `null` when the session has none. */
export function connectionOf(state: SessionState): Connection | null {
  return 'connection' in state ? state.connection : null;
}

function stay(state: SessionState): Transition {
  return { state, effects: [] };
}

function pause(
  identity: SessionIdentity | null,
  effects: readonly SessionEffect[],
  announced?: ConnectionState,
): Transition {
  const announce: SessionEffect[] = announced === undefined ? [] : [{ type: 'announce', state: announced }];
  return { state: { phase: 'pausing', identity }, effects: [...effects, { type: 'pause' }, ...announce] };
}

const CLOSED: SessionEnd = { reason: 'closed' };

function end(state: SessionState, sessionEnd: SessionEnd, first: readonly SessionEffect[] = []): Transition {
  return {
    state: { phase: 'ended', identity: state.identity, end: sessionEnd },
    effects: [
      ...first,
      drop(state, endError(sessionEnd), false),
      { type: 'end', end: sessionEnd },
      { type: 'announce', state: sessionEnd.reason },
    ],
  };
}

/** Makes the error with which every request rejects after the session's end. */
export function endError(end: SessionEnd): Error {
  switch (end.reason) {
    case 'expired':
      return new SessionExpiredError(expiryMessages[end.expiry], {
        expiry: end.expiry,
        ...(end.cause !== undefined && { cause: end.cause }),
      });
    case 'auth-failed':
      return new AuthFailedError(end.message);
    case 'closed':
      return new ClosedError();
  }
}

const expiryMessages: Readonly<Record<SessionExpiry, string>> = {
  server: 'session expired: the server has ended it',
  replaced: 'session expired: the server granted another session in its place',
  silence: 'session expired: no server answered for longer than the session can live',
};
