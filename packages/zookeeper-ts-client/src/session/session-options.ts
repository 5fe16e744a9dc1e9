import type { LookupFunction } from 'node:net';
import type { WatcherEvent } from '../protocol/watcher-event.js';
import type { Candidate } from '../servers/candidate.js';
import type { ServerAddress } from '../servers/connect-string.js';
import type { OpenTransport } from '../transport/transport.js';
import type { Clock } from './clock.js';
import type { ReconnectDelays } from './reconnect-policy.js';
import type { ConnectionState, EndReason, SessionIdentity } from './session-state.js';

/** Options of a session. Durations are in milliseconds. */
export interface SessionOptions {
  readonly sessionTimeoutMs: number;
  /**
   * Limit for one attempt: TCP and handshake, without the look-up. Default: the session timeout divided by the number of known addresses,
   * and less after refused attempts (see `attemptLimitMs`).
   */
  readonly connectTimeoutMs: number | undefined;
  /**
   * Limit for the time that a request waits for a connection (default: the session timeout) and, only if given, for the time that it waits
   * for its reply.
   */
  readonly requestTimeoutMs: number | undefined;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly reconnect: ReconnectDelays;
  readonly canBeReadOnly: boolean;
  /** The session of an earlier process to resume; `null` for a new session. */
  readonly identity: SessionIdentity | null;
  /** The last transaction that this client has seen in an earlier session; 0 for none. */
  readonly lastZxidSeen: bigint;
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/**
 * Report that the servers have lost transactions that this client has seen: the servers came back without their data, or from an older
 * backup.
 */
export interface HistoryWentBack {
  /** The last transaction that this client has seen. */
  readonly lastZxidSeen: bigint;
  /** The last transaction that the server knows, including the creation of the new session. */
  readonly serverZxid: bigint;
}

/** Callbacks of a session, called in the order of the wire. */
export interface SessionListener {
  onState(state: ConnectionState): void;
  onEvent(event: WatcherEvent): void;
  /** Reports a new connection. Requests that the listener now sends with `ahead` go before all requests that wait for the connection. */
  onRestore(): void;
  /** Reports lost history, before the session counts as connected. */
  onHistoryWentBack(event: HistoryWentBack): void;
  /** Reports a failed attempt to connect to one address, or a failed look-up of a server's name. */
  onAttemptFailed(server: Candidate | ServerAddress, cause: Error): void;
  /** Reports that the session has ended and sends no more events. The session calls this method before `onState`. */
  onEnd(reason: EndReason): void;
}
