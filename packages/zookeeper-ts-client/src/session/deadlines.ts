/** The longest a connection stays without a word from the client, whatever the timeout. */
const MAX_IDLE_SEND_MS = 10_000;

/** The arithmetic of the client's timers, all in milliseconds. @see org.apache.zookeeper.ClientCnxn.SendThread */
export interface Deadlines {
  /** For an attempt to connect, TCP and handshake together, from the opening of the socket. */
  readonly connectMs: number;
  /** Without a byte from the server for so long, the connection is dead. */
  readonly readMs: number;
  /** Without a byte from any server for so long, the session is to be given up: nobody can have kept it alive but ourselves. */
  readonly silenceMs: number;
}

/** @param addressCount number of addresses of all servers: all of them can be tried within one session timeout */
export function deadlinesFor(sessionTimeoutMs: number, addressCount: number): Deadlines {
  return {
    connectMs: Math.max(1, Math.floor(sessionTimeoutMs / addressCount)),
    readMs: Math.max(1, Math.floor((sessionTimeoutMs * 2) / 3)),
    silenceMs: Math.max(1, Math.floor((sessionTimeoutMs * 4) / 3)),
  };
}

/** Milliseconds until the next ping, 0 or less when it is due: about a third of the session timeout after the last packet sent. */
export function nextPingInMs(readMs: number, idleSendMs: number): number {
  const early = idleSendMs > 1000 ? 1000 : 0;
  return Math.min(readMs / 2 - idleSendMs - early, MAX_IDLE_SEND_MS - idleSendMs);
}

/** The shortest limit of an attempt that follows a refused one. */
const RETRY_LIMIT_MS = 1_000;

/**
 * The limit of an attempt to connect, in milliseconds. A server that is starting refuses connections, then accepts one and may
 * never answer its handshake. So once a connection was refused or closed, an attempt has a second, and twice the time whenever
 * all addresses were silent.
 *
 * @param connectMs the limit as long as no attempt was refused, and the longest one
 * @param refused number of attempts since the last connection that were refused, or closed before a session was granted
 * @param unanswered number of attempts since the last connection that reached their limit
 * @param addressCount number of addresses of all servers
 */
export function attemptLimitMs(connectMs: number, refused: number, unanswered: number, addressCount: number): number {
  if (refused === 0) return connectMs;
  return Math.min(connectMs, RETRY_LIMIT_MS * 2 ** Math.min(30, Math.floor(unanswered / addressCount)));
}
