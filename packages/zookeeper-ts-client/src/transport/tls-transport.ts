import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { received } from '../checks/received.js';
import { type Candidate, formatCandidate } from '../servers/candidate.js';
import { formatServer } from '../servers/connect-string.js';
import { describeTlsFailure } from './tls-failure.js';
import type { OpenTransport, Transport, TransportHandlers } from './transport.js';

/**
 * Options of TLS connections to the servers: the options of Node's `tls.connect`, except for those that the client sets itself. By default,
 * Node verifies the server's certificate against the authorities that Node knows, and verifies the server's name.
 */
export type TlsOptions = Omit<
  ConnectionOptions,
  'host' | 'port' | 'path' | 'socket' | 'session' | 'lookup' | 'timeout' | 'allowHalfOpen' | 'checkServerIdentity'
> & {
  /** Replaces the check that the certificate is for the server's name. Returns an error to refuse the certificate. */
  readonly checkServerIdentity?: ConnectionOptions['checkServerIdentity'] | undefined;
};

/**
 * The TLS configuration; `true` for the defaults. The client calls a function for each connection, so that certificates can be renewed
 * while the client runs.
 */
export type Tls = true | TlsOptions | (() => TlsOptions | Promise<TlsOptions>);

/** Makes transports over TLS. A later connection to a server resumes the previous TLS session, if the server still has that session. */
export function tlsTransport(tls: Tls): OpenTransport {
  const tickets = new Map<string, Buffer>();
  return (candidate, handlers) => {
    const transport = new TlsTransport(candidate, handlers, tickets);
    void transport.open(tls);
    return transport;
  };
}

class TlsTransport implements Transport {
  readonly #candidate: Candidate;
  readonly #handlers: TransportHandlers;
  readonly #tickets: Map<string, Buffer>;
  #socket: TLSSocket | null = null;
  #failure: Error | null = null;
  #hasOpened = false;
  #isOver = false;

  constructor(candidate: Candidate, handlers: TransportHandlers, tickets: Map<string, Buffer>) {
    this.#candidate = candidate;
    this.#handlers = handlers;
    this.#tickets = tickets;
  }

  /** Opens the connection. Never calls a handler before this method has returned, and never rejects. */
  async open(tls: Tls): Promise<void> {
    try {
      const options = await Promise.resolve().then(() => (typeof tls === 'function' ? tls() : tls));
      if (!this.#isOver) this.#connect(options === true ? {} : checkedAuthorities(options));
    } catch (error) {
      // Node cannot read a key or certificate, or the caller's function threw.
      this.#failure = describeTlsFailure(error, 'options');
      this.#end();
    }
  }

  write(bytes: Buffer): boolean {
    return this.#socket?.write(bytes) ?? false;
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket?.destroy();
  }

  #connect(options: TlsOptions): void {
    const { host, port, address } = this.#candidate;
    const server = formatServer(this.#candidate);
    const session = this.#tickets.get(server);
    const socket = connect({
      ...(options as ConnectionOptions),
      host: address,
      port,
      // The certificate has the name from the connect string; a server that is configured by its address has no other name.
      servername: options.servername ?? (isIP(host) === 0 ? host : ''),
      ...(session !== undefined && { session }),
    });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('secureConnect', () => {
      this.#hasOpened = true;
      if (!this.#isOver) this.#handlers.onOpen();
    });
    socket.on('session', (ticket) => this.#tickets.set(server, ticket));
    socket.on('data', (chunk) => {
      if (!this.#isOver) this.#handlers.onData(chunk);
    });
    socket.on('drain', () => {
      if (!this.#isOver) this.#handlers.onDrain();
    });
    socket.on('error', (error) => {
      // The server may have refused the handshake because of the ticket.
      if (!this.#hasOpened) this.#tickets.delete(server);
      this.#failure = describeTlsFailure(error, this.#hasOpened ? 'connection' : 'handshake');
    });
    // A half-closed connection is of no use, because the server sends nothing any more.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#end());
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handlers.onClose(this.#failure ?? new Error(`${formatCandidate(this.#candidate)} closed the connection`));
  }
}

/**
 * Checks that each `ca` is a PEM. If `ca` is something else, for instance the name of a file, Node trusts no authority and reports only
 * that the server is not trusted.
 *
 * @throws {TypeError} when a `ca` is not the contents of a PEM file
 */
function checkedAuthorities(options: TlsOptions): TlsOptions {
  for (const ca of [options.ca ?? []].flat()) {
    if (!Buffer.from(ca).includes('-----BEGIN ')) {
      throw new TypeError(`Expected \`ca\` to be the contents of a PEM file, got ${received(ca)}`);
    }
  }
  return options;
}
