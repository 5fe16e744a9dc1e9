import { createServer } from 'node:net';

/**
 * Ports below the range from which the system picks the local end of outgoing connections (32768 and up on Linux).
 * A client that keeps retrying a closed port of that range may connect to itself, and then holds the port that the
 * restarted server needs.
 */
const lowest = 12_000;
const highest = 32_000;

/** Ports this process has handed out: a server that is down for a moment keeps its port. */
const given = new Set<number>();

/** Finds a TCP port on the loopback address that nobody listens on, chosen at random and checked by binding it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
