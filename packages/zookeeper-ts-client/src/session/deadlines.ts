/** The longest time, in milliseconds, for which the client sends nothing on a connection, for any session timeout. */
const MAX_IDLE_SEND_MS = 10_000;

/** The time limits of the client, all in milliseconds. @see org.apache.zookeeper.ClientCnxn.SendThread */
export interface Deadlines {
  /** Limit for an attempt to connect, TCP and handshake together, from the opening of the socket. */
  readonly connectMs: number;
  /** Time without a byte from the server after which the connection is dead. */
  readonly readMs: number;
  /**
   * Time without a byte from any server after which the client gives up the session: only this client could have kept the session alive.
   */
  readonly silenceMs: number;
}

/**
 * Computes the time limits for a session timeout.
 *
 * @param addressCount number of addresses of all servers; the client can try all of them within one session timeout
 */
export function deadlinesFor(sessionTimeoutMs: number, addressCount: number): Deadlines {
  return {
    connectMs: Math.max(1, Math.floor(sessionTimeoutMs / addressCount)),
    readMs: Math.max(1, Math.floor((sessionTimeoutMs * 2) / 3)),
    silenceMs: Math.max(1, Math.floor((sessionTimeoutMs * 4) / 3)),
  };
}

/**
 * Returns the milliseconds until the next ping, 0 or less when the ping is due. A ping is due about a third of the session timeout after
 * the last packet that the client sent.
 */
export function nextPingInMs(readMs: number, idleSendMs: number): number {
  const early = idleSendMs > 1000 ? 1000 : 0;
  return Math.min(readMs / 2 - idleSendMs - early, MAX_IDLE_SEND_MS - idleSendMs);
}

/** The shortest limit, in milliseconds, of an attempt that follows a refused attempt. */
const RETRY_LIMIT_MS = 1_000;

/**
 * Returns the limit of an attempt to connect, in milliseconds. A server that is starting refuses connections, then accepts a connection and
 * may never answer its handshake. After a connection was refused or closed, an attempt therefore has a limit of one second. The limit
 * doubles whenever all addresses were silent.
 *
 * @param connectMs the limit as long as no attempt was refused, and the longest limit
 * @param refused number of attempts since the last connection that were refused, or closed before a server granted a session
 * @param unanswered number of attempts since the last connection that reached their limit
 * @param addressCount number of addresses of all servers
 */
export function attemptLimitMs(connectMs: number, refused: number, unanswered: number, addressCount: number): number {
  if (refused === 0) return connectMs;
  return Math.min(connectMs, RETRY_LIMIT_MS * 2 ** Math.min(30, Math.floor(unanswered / addressCount)));
}
