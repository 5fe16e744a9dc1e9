import type { Id } from 'zookeeper-ts-client/protocol';
import type { Requester } from './prepare.js';
import type { Replica } from './replica.js';
import type { Watcher } from './watch-manager.js';

/** Connected client, as the server state sees it. */
export interface Client extends Watcher, Requester {
  /** Session of the client; 0 before the handshake. */
  readonly sessionId: bigint;
  /** Replica that the client reads: the server's tree, or a stale copy. */
  replica: Replica;
  /** Adds identities that the client has proved. */
  identify(identities: readonly Id[]): void;
  /** Closes the connection when everything written so far has been sent. */
  close(): void;
}
