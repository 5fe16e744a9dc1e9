import { boolean, buffer, type Codec, int, long, record } from '../jute/codec.js';

/** Length of a session's password in bytes. */
export const PASSWORD_BYTES = 16;

/** Smallest size of a `ConnectResponse` in bytes, without its optional last byte. A shorter response is a refusal. */
export const MIN_CONNECT_RESPONSE_BYTES: number = 4 + 4 + 8 + 4 + PASSWORD_BYTES;

/** `ConnectRequest` of zookeeper.jute: first frame of a connection. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  /**
   * Last transaction that the client has seen. A server that has not seen this transaction refuses the client, so that the client
   * never reads older data.
   */
  readonly lastZxidSeen: bigint;
  /** Requested session timeout in milliseconds. */
  readonly timeOut: number;
  /** Id of the session to resume; 0 for a new session. */
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether the client accepts a server in read-only mode. */
  readonly readOnly: boolean;
}
export const ConnectRequest: Codec<ConnectRequest> = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: optionalLast(boolean, false),
});

/** `ConnectResponse` of zookeeper.jute. */
export interface ConnectResponse {
  readonly protocolVersion: number;
  /** Negotiated session timeout in milliseconds; 0 or negative when the requested session no longer exists. */
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether this server is in read-only mode. A server sends this field only to a client that sent its own `readOnly`. */
  readonly readOnly: boolean;
}
export const ConnectResponse: Codec<ConnectResponse> = record({
  protocolVersion: int,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: optionalLast(boolean, false),
});

/** Creates the codec of a last field that older peers leave out. */
function optionalLast<T>(codec: Codec<T>, missing: T): Codec<T> {
  return {
    write: (writer, value) => codec.write(writer, value),
    read: (reader) => (reader.remaining === 0 ? missing : codec.read(reader)),
  };
}
