import type { Candidate } from '../ensemble/candidate.js';
import { AuthFailedError, ClosedError, SessionExpiredError } from '../errors.js';
import type { ConnectResponse } from '../protocol/handshake.js';

/** What a client presents to get its session back. */
export interface SessionIdentity {
  /** 0 when there is no session that a read-write server would know. */
  readonly id: bigint;
  readonly passwd: Uint8Array;
}

/** Why a session is over for good. */
export type EndReason = 'expired' | 'auth-failed' | 'closed';

/** Where a session is in its life. `identity` is `null` before the first server has accepted it. */
export type SessionState =
  | { readonly phase: 'idle'; readonly identity: SessionIdentity | null }
  | { readonly phase: 'pausing'; readonly identity: SessionIdentity | null }
  | { readonly phase: 'opening'; readonly identity: SessionIdentity | null; readonly server: Candidate }
  | {
      readonly phase: 'connected';
      readonly identity: SessionIdentity;
      readonly server: Candidate;
      readonly readOnly: boolean;
    }
  | { readonly phase: 'closing'; readonly identity: SessionIdentity; readonly server: Candidate }
  | { readonly phase: 'ended'; readonly identity: SessionIdentity | null; readonly reason: EndReason };

/** What can happen to a session. */
export type SessionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'attempt'; readonly server: Candidate }
  | { readonly type: 'opened' }
  | { readonly type: 'responded'; readonly response: ConnectResponse }
  | { readonly type: 'lost'; readonly cause: Error }
  /** A handshake had no answer, and no server has said anything for longer than the session can live. */
  | { readonly type: 'unanswered'; readonly cause: Error }
  | { readonly type: 'auth-refused' }
  | { readonly type: 'close' }
  | { readonly type: 'closed' };

/** What is to be done about it, in this order. */
export type SessionEffect =
  | { readonly type: 'pause' }
  | { readonly type: 'open'; readonly server: Candidate }
  | { readonly type: 'send-connect-request' }
  | { readonly type: 'accept'; readonly response: ConnectResponse }
  | { readonly type: 'restore' }
  /** `established`: requests had been taken for this connection, which are lost with it. */
  | { readonly type: 'drop'; readonly cause: Error; readonly established: boolean }
  | { readonly type: 'send-close' }
  | { readonly type: 'end'; readonly reason: EndReason }
  | { readonly type: 'announce'; readonly state: ConnectionState };

/** What users see of it. */
export type ConnectionState =
  | 'connecting'
  | 'connected'
  | 'connected-read-only'
  | 'disconnected'
  | 'expired'
  | 'auth-failed'
  | 'closed';

/** A state and the effects of having come to it. */
export interface Transition {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/**
 * The life of a session. Pure; what does not stand here has no effect. To end is to announce it as well. What is announced
 * comes last: listeners may act on the session in their turn.
 *
 * | phase     | event                      | next phase | effects                                              |
 * |-----------|----------------------------|------------|------------------------------------------------------|
 * | idle      | start                      | pausing    | pause, announce connecting                           |
 * | pausing   | attempt                    | opening    | open                                                 |
 * | opening   | opened                     | opening    | send-connect-request                                 |
 * | opening   | responded, timeout > 0     | connected  | accept, restore, announce connected[-read-only]      |
 * | opening   | responded, id asked, gone  | ended      | drop, end expired                                    |
 * | opening   | responded, otherwise       | pausing    | drop, pause                                          |
 * | opening   | lost                       | pausing    | drop, pause                                          |
 * | opening   | unanswered, id asked       | ended      | drop, end expired                                    |
 * | opening   | unanswered, otherwise      | pausing    | drop, pause                                          |
 * | connected | lost                       | pausing    | drop, pause, announce disconnected                   |
 * | connected | auth-refused               | ended      | drop, end auth-failed                                |
 * | connected | close                      | closing    | send-close                                           |
 * | closing   | closed, lost, auth-refused | ended      | drop, end closed                                     |
 * | idle, pausing, opening | close         | ended      | drop, end closed                                     |
 * | any but ended | closed                 | ended      | drop, end closed                                     |
 */
export function transition(state: SessionState, event: SessionEvent): Transition {
  if (state.phase === 'ended') return stay(state);
  if (event.type === 'closed') return end(state, 'closed');
  switch (state.phase) {
    case 'idle':
      if (event.type === 'start') return pause(state.identity, [], 'connecting');
      return event.type === 'close' ? end(state, 'closed') : stay(state);
    case 'pausing':
      if (event.type === 'attempt') {
        return {
          state: { phase: 'opening', identity: state.identity, server: event.server },
          effects: [{ type: 'open', server: event.server }],
        };
      }
      return event.type === 'close' ? end(state, 'closed') : stay(state);
    case 'opening':
      return whileOpening(state, event);
    case 'connected':
      return whileConnected(state, event);
    case 'closing':
      return event.type === 'lost' || event.type === 'auth-refused' ? end(state, 'closed') : stay(state);
  }
}

function whileOpening(state: SessionState & { phase: 'opening' }, event: SessionEvent): Transition {
  switch (event.type) {
    case 'opened':
      return { state, effects: [{ type: 'send-connect-request' }] };
    case 'responded':
      return afterHandshake(state, event.response);
    case 'unanswered':
      // Each such handshake may have reached the server, which keeps the session, and all that stands in others' way, alive.
      if (state.identity !== null && state.identity.id !== 0n) return end(state, 'expired');
      return pause(state.identity, [{ type: 'drop', cause: event.cause, established: false }]);
    case 'lost':
      return pause(state.identity, [{ type: 'drop', cause: event.cause, established: false }]);
    case 'close':
      return end(state, 'closed');
    default:
      return stay(state);
  }
}

function afterHandshake(state: SessionState & { phase: 'opening' }, response: ConnectResponse): Transition {
  if (response.timeOut <= 0) {
    if (state.identity !== null && state.identity.id !== 0n) return end(state, 'expired');
    const cause = new Error('the server refused a new session');
    return pause(state.identity, [{ type: 'drop', cause, established: false }]);
  }
  // A read-only server makes up a session that no other server knows: the next handshake asks for a new one.
  const id = response.readOnly ? (state.identity?.id ?? 0n) : response.sessionId;
  const passwd =
    response.readOnly && id !== 0n
      ? (state.identity?.passwd ?? new Uint8Array())
      : (response.passwd ?? new Uint8Array());
  return {
    state: { phase: 'connected', identity: { id, passwd }, server: state.server, readOnly: response.readOnly },
    effects: [
      { type: 'accept', response },
      { type: 'restore' },
      { type: 'announce', state: response.readOnly ? 'connected-read-only' : 'connected' },
    ],
  };
}

function whileConnected(state: SessionState & { phase: 'connected' }, event: SessionEvent): Transition {
  switch (event.type) {
    case 'lost':
      return pause(state.identity, [{ type: 'drop', cause: event.cause, established: true }], 'disconnected');
    case 'auth-refused':
      return end(state, 'auth-failed');
    case 'close':
      return {
        state: { phase: 'closing', identity: state.identity, server: state.server },
        effects: [{ type: 'send-close' }],
      };
    default:
      return stay(state);
  }
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

function end(state: SessionState, reason: EndReason): Transition {
  return {
    state: { phase: 'ended', identity: state.identity, reason },
    effects: [
      { type: 'drop', cause: endError(reason), established: false },
      { type: 'end', reason },
      { type: 'announce', state: reason },
    ],
  };
}

/** What everything rejects with that is asked of a session after its end. */
export function endError(reason: EndReason): Error {
  if (reason === 'expired') return new SessionExpiredError();
  return reason === 'closed' ? new ClosedError() : new AuthFailedError();
}
