import { boolean, buffer, type Codec, int, long, record } from '../jute/codec.js';

/** Length of a session's password. */
export const PASSWORD_BYTES = 16;

/** A `ConnectResponse` is never shorter, with or without its last byte; what is shorter is a refusal. */
export const MIN_CONNECT_RESPONSE_BYTES: number = 4 + 4 + 8 + 4 + PASSWORD_BYTES;

/** `ConnectRequest` of zookeeper.jute: the first frame of a connection. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  /** A server that has not seen it yet refuses the client, so that it never goes back in time. */
  readonly lastZxidSeen: bigint;
  /** Session timeout asked for, in milliseconds. */
  readonly timeOut: number;
  /** 0 for a new session. */
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether a server in read-only mode will do. */
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
  /** Negotiated session timeout in milliseconds; not above 0 when the session asked for is gone. */
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** Whether this server is in read-only mode. Servers send it only to clients that sent theirs. */
  readonly readOnly: boolean;
}
export const ConnectResponse: Codec<ConnectResponse> = record({
  protocolVersion: int,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: optionalLast(boolean, false),
});

/** A last field that older peers leave out. */
function optionalLast<T>(codec: Codec<T>, missing: T): Codec<T> {
  return {
    write: (writer, value) => codec.write(writer, value),
    read: (reader) => (reader.remaining === 0 ? missing : codec.read(reader)),
  };
}
