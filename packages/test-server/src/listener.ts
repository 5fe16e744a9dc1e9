import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Connection, type ConnectionContext } from './connection.js';
import { hostAddress } from './ip-range.js';

/**
 * Range in which the server looks for a free port. It is below the range that systems use for the local end of outgoing connections. A
 * client that repeatedly connects to a closed port of that range may connect to itself, and then occupies the port.
 */
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;
const MOST_TRIES = 100;

/** Port of the server and the connections on it. */
export class Listener {
  readonly #context: ConnectionContext;
  readonly #connections: Set<Connection> = new Set();
  #server: Server | null = null;
  #port: number;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#port = context.settings.port;
  }

  /** Port; unchanged after a restart. */
  get port(): number {
    return this.#port;
  }

  /** Open connections. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Starts to accept connections. @throws Error when the port is taken */
  async open(): Promise<void> {
    if (this.#port !== 0) {
      this.#server = await this.#listen(this.#port);
      return;
    }
    for (let tries = 1; this.#server === null; tries++) {
      const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
      this.#server = await this.#listen(port).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' || tries === MOST_TRIES) throw error;
        return null;
      });
      this.#port = port;
    }
  }

  /** Closes all connections and accepts no more. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  async #listen(port: number): Promise<Server> {
    const server = createServer((socket) => this.#accept(socket));
    server.listen({ port, host: this.#context.settings.host });
    await once(server, 'listening');
    return server;
  }

  #accept(socket: Socket): void {
    if (this.#context.faults.isRefusing || this.#isCrowded(socket)) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.#context);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  #isCrowded(socket: Socket): boolean {
    const { maxConnections, maxClientConnections } = this.#context.settings;
    if (this.#connections.size >= maxConnections) return true;
    if (maxClientConnections === 0) return false;
    const address = hostAddress(socket.remoteAddress ?? '');
    const ofSame = [...this.#connections].filter(({ remoteAddress }) => remoteAddress === address);
    return ofSame.length >= maxClientConnections;
  }
}
