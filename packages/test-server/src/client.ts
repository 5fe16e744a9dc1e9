import type { Id } from 'zookeeper-ts-client/protocol';
import type { Requester } from './prepare.js';
import type { Replica } from './replica.js';
import type { Watcher } from './watch-manager.js';

/** A connected client, as the server's thinking parts see it. */
export interface Client extends Watcher, Requester {
  /** Its session; 0 before the handshake. */
  readonly sessionId: bigint;
  /** What it sees: the server's tree, or the past. */
  replica: Replica;
  /** Adds identities that it has proved. */
  identify(identities: readonly Id[]): void;
  /** Ends the connection when everything written so far has been sent. */
  close(): void;
}
