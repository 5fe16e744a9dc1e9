import type { LookupFunction } from 'node:net';
import type { Candidate } from '../ensemble/candidate.js';
import type { ServerAddress } from '../ensemble/connect-string.js';
import type { WatcherEvent } from '../protocol/watcher-event.js';
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
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/** What a session reports, in the order of the wire. */
export interface SessionListener<Watcher> {
  onState(state: ConnectionState): void;
  onEvent(event: WatcherEvent, watchers: ReadonlySet<Watcher>): void;
  /** An attempt at one address failed, or the look-up of a server's name. */
  onAttemptFailed(server: Candidate | ServerAddress, cause: Error): void;
  /** These watchers will never hear of anything again. */
  onWatchersEnd(reason: EndReason, watchers: ReadonlySet<Watcher>): void;
}
