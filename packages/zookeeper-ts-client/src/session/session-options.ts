import type { LookupFunction } from 'node:net';
import type { WatcherEvent } from '../protocol/watcher-event.js';
import type { Candidate } from '../servers/candidate.js';
import type { ServerAddress } from '../servers/connect-string.js';
import type { OpenTransport } from '../transport/transport.js';
import type { Clock } from './clock.js';
import type { ReconnectDelays } from './reconnect-policy.js';
import type { ConnectionState, EndReason, SessionIdentity } from './session-state.js';

/** What a session is made with. Durations in milliseconds. */
export interface SessionOptions {
  readonly sessionTimeoutMs: number;
  /** For one attempt, TCP and handshake, without the look-up; the session timeout divided by the number of known addresses where not given. */
  readonly connectTimeoutMs: number | undefined;
  /** How long a request waits for a connection (the session timeout where not given) and, only where given, for its reply. */
  readonly requestTimeoutMs: number | undefined;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly reconnect: ReconnectDelays;
  readonly canBeReadOnly: boolean;
  /** A session of an earlier process to be resumed. */
  readonly identity: SessionIdentity | null;
  /** The last transaction that this client has seen in an earlier session; 0 for none. */
  readonly lastZxidSeen: bigint;
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/** The servers have lost transactions that this client has seen: they came back without their data, or from an older backup. */
export interface HistoryWentBack {
  /** The last transaction that this client has seen. */
  readonly lastZxidSeen: bigint;
  /** The last transaction that the server knows, the creation of the new session included. */
  readonly serverZxid: bigint;
}

/** What a session reports, in the order of the wire. */
export interface SessionListener {
  onState(state: ConnectionState): void;
  onEvent(event: WatcherEvent): void;
  /** There is a new connection. What is sent ahead now goes before anything that waits for it. */
  onRestore(): void;
  /** Told before the session counts as connected. */
  onHistoryWentBack(event: HistoryWentBack): void;
  /** An attempt at one address failed, or the look-up of a server's name. */
  onAttemptFailed(server: Candidate | ServerAddress, cause: Error): void;
  /** The session has ended: no event will come any more. Told before the state. */
  onEnd(reason: EndReason): void;
}
