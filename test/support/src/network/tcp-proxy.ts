import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../servers/free-port.js';
import { ProxiedConnection } from './proxied-connection.js';
import { type FaultOptions, WireFaults } from './wire-faults.js';
import type { RequestMatch, WireRequest } from './wire-request.js';

/** A direction of the traffic through a proxy. */
export type Direction = 'to-server' | 'to-client' | 'both';

/**
 * A network to break: a TCP proxy in this process in front of one ZooKeeper server. It reads ZooKeeper's frames, so
 * that a fault can be aimed at one request. For an ensemble there is one proxy a member.
 */
export class TcpProxy implements AsyncDisposable {
  /** `host:port` for clients; the same over {@link refuse} and {@link accept}. */
  readonly connectString: string;
  readonly port: number;
  readonly #host: string;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #connections: Set<ProxiedConnection> = new Set();
  readonly #faults = new WireFaults();
  readonly #held = { 'to-server': false, 'to-client': false };
  #delayMs = 0;
  #turnsAway = false;
  #listener: Server | undefined;

  private constructor(target: string, host: string, port: number) {
    const colon = target.lastIndexOf(':');
    this.#target = { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
    this.#host = host;
    this.port = port;
    this.connectString = `${host}:${port}`;
  }

  /**
   * Opens a proxy.
   *
   * @param server its `host:port`; it need not run yet
   * @param place the IPv4 address and port of the proxy; default 127.0.0.1 and a free port
   */
  static async inFrontOf(
    server: string,
    place: { readonly host?: string; readonly port?: number } = {},
  ): Promise<TcpProxy> {
    const proxy = new TcpProxy(server, place.host ?? '127.0.0.1', place.port ?? (await freePort()));
    await proxy.accept();
    return proxy;
  }

  /** Number of connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** How many requests clients have sent so far, by operation code; with pings, without handshakes. */
  get requests(): ReadonlyMap<number, number> {
    return this.#faults.counts;
  }

  /** How many requests of one operation code clients have sent so far. */
  requestCount(op: number): number {
    return this.#faults.counts.get(op) ?? 0;
  }

  /** Resolves with the next request of this kind that a client sends. */
  untilRequest(op: RequestMatch): Promise<WireRequest> {
    return this.#faults.untilRequest(op);
  }

  /** Breaks all connections. New ones are accepted, unless {@link refuse} was called. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  /** Refuses new connections; those that are open stay so. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Accepts new connections and closes each at once, as a server without a quorum does. Those that are open stay so. */
  turnAway(): void {
    this.#turnsAway = true;
  }

  /** Ends {@link refuse} and {@link turnAway}. */
  async accept(): Promise<void> {
    this.#turnsAway = false;
    if (this.#listener !== undefined) return;
    const listener = createServer({ allowHalfOpen: false }, (client) => this.#proxy(client));
    this.#listener = listener;
    listener.listen({ port: this.port, host: this.#host });
    await once(listener, 'listening');
  }

  /**
   * Passes nothing on any more, on new connections either, and tells neither side, as a network that drops packets. What
   * comes meanwhile is kept, as TCP would repeat it, and passed on after {@link heal}, if the connection still stands.
   */
  blackhole({ direction = 'both' }: { readonly direction?: Direction } = {}): void {
    this.#hold(direction, true);
  }

  /** Ends {@link blackhole}, in one direction or in both, and {@link delay}. */
  heal({ direction = 'both' }: { readonly direction?: Direction } = {}): void {
    this.#hold(direction, false);
    this.delay(0);
  }

  /**
   * Has every handshake from now on ask for a new session, whichever session the client names. The server grants one, as servers do
   * that cannot take up a session again, and keeps the old one until its time is over.
   */
  forgetSessions(isForgetful = true): void {
    this.#faults.forgetsSessions = isForgetful;
  }

  /** Delays everything from now on, in both directions. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const connection of this.#connections) this.#applyTo(connection);
  }

  /**
   * Loses the reply of one request: passes the request on, waits for the reply, so that it is certain that the server
   * applied it, then drops the reply and breaks the connection. If the connection ends before, the fault waits for
   * another request.
   *
   * @returns resolves with the request when it happened
   */
  loseReplyOnce(options: FaultOptions): Promise<WireRequest> {
    return this.#faults.set('lose-reply', options);
  }

  /**
   * Loses one request: does not pass it on, and breaks the connection.
   *
   * @returns resolves with the request when it happened
   */
  loseRequestOnce(options: FaultOptions): Promise<WireRequest> {
    return this.#faults.set('lose-request', options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    this.cut();
  }

  #hold(direction: Direction, isHeld: boolean): void {
    if (direction !== 'to-client') this.#held['to-server'] = isHeld;
    if (direction !== 'to-server') this.#held['to-client'] = isHeld;
    for (const connection of this.#connections) this.#applyTo(connection);
  }

  #applyTo({ toServer, toClient }: ProxiedConnection): void {
    toServer.isHeld = this.#held['to-server'];
    toClient.isHeld = this.#held['to-client'];
    toServer.delayMs = this.#delayMs;
    toClient.delayMs = this.#delayMs;
  }

  #proxy(client: Socket): void {
    if (this.#turnsAway) {
      client.destroy();
      return;
    }
    const connection = new ProxiedConnection(client, this.#target, this.#faults, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    this.#applyTo(connection);
  }
}
