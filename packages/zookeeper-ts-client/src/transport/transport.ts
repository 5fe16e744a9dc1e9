import type { Candidate } from '../servers/candidate.js';

/** One connection to one server: bytes in both directions, nothing of what they mean. */
export interface Transport {
  /** Sends bytes; `false` when the socket's buffer is full, until `onDrain`. */
  write(bytes: Buffer): boolean;
  /** Ends the connection at once. No handler is called after it. */
  destroy(): void;
}

/** What a transport reports. After `onClose` nothing more comes. */
export interface TransportHandlers {
  onOpen(): void;
  /** Bytes from the server. The chunk is lent: its memory is used again once the handler has returned. */
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** The connection is over or could not be made. */
  onClose(cause: Error): void;
}

/** Opens a connection to the candidate's address and port. Injected, so that a session can be tested without a network. */
export type OpenTransport = (candidate: Candidate, handlers: TransportHandlers) => Transport;
