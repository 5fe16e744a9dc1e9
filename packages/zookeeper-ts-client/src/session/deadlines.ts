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
