import type { Candidate } from '../servers/candidate.js';

/** A connection to one server that carries bytes in both directions and does not interpret them. */
export interface Transport {
  /** Sends bytes; returns `false` when the socket's buffer is full, until `onDrain`. */
  write(bytes: Buffer): boolean;
  /** Ends the connection at once. The transport calls no handler afterwards. */
  destroy(): void;
}

/** Callbacks of a transport. After `onClose` the transport calls no other handler. */
export interface TransportHandlers {
  onOpen(): void;
  /** Reports bytes from the server. The chunk is only lent: the transport reuses its memory once the handler has returned. */
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** Reports that the connection is over or could not be opened. */
  onClose(cause: Error): void;
}

/** Opens a connection to the candidate's address and port. Injected, so that a session can be tested without a network. */
export type OpenTransport = (candidate: Candidate, handlers: TransportHandlers) => Transport;
