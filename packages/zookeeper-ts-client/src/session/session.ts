import type { ServerAddress } from '../ensemble/connect-string.js';
import { HostProvider } from '../ensemble/host-provider.js';
import { ClosedError } from '../errors.js';
import { ErrorCode } from '../protocol/error-code.js';
import { type ConnectResponse, PASSWORD_BYTES } from '../protocol/handshake.js';
import { closeSession } from '../protocol/operations/sync.js';
import type { WatcherEvent } from '../protocol/watcher-event.js';
import type { OpenTransport } from '../transport/transport.js';
import { type Clock, momentOf } from './clock.js';
import { Connection } from './connection.js';
import { Credentials } from './credentials.js';
import { deadlinesFor } from './deadlines.js';
import { Exchange, type ExchangeOptions } from './exchange.js';
import { KeepAlive } from './keep-alive.js';
import { ReadWriteSearch } from './read-write-search.js';
import { type ReconnectDelays, reconnectDelayMs } from './reconnect-policy.js';
import { rewatchRequests } from './rewatch.js';
import {
  type ConnectionState,
  type EndReason,
  endError,
  type SessionEffect,
  type SessionEvent,
  type SessionIdentity,
  type SessionState,
  transition,
} from './session-state.js';
import { Validity } from './validity.js';
import { WaitingLine } from './waiting-line.js';
import { type WatchedPaths, WatchRegistry } from './watch-registry.js';

/** What a session is made with. Durations in milliseconds. */
export interface SessionOptions {
  readonly sessionTimeoutMs: number;
  /** For one attempt, TCP and handshake; the session timeout divided by the number of servers where not given. */
  readonly connectTimeoutMs: number | undefined;
  /** How long a request waits for a connection (the session timeout where not given) and, only where given, for its reply. */
  readonly requestTimeoutMs: number | undefined;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly reconnect: ReconnectDelays;
  readonly canBeReadOnly: boolean;
  /** A session of an earlier process to be resumed. */
  readonly identity: SessionIdentity | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly firstXid: number;
}

/** What a session reports, in the order of the wire. */
export interface SessionListener<Watcher> {
  onState(state: ConnectionState): void;
  onEvent(event: WatcherEvent, watchers: ReadonlySet<Watcher>): void;
  onAttemptFailed(server: ServerAddress, cause: Error): void;
  /** These watchers will never hear of anything again. */
  onWatchersEnd(reason: EndReason, watchers: ReadonlySet<Watcher>): void;
}

/** A session: keeps itself alive and connected, performs what `transition` decides, and carries requests. Its paths are the server's. */
export class Session<Watcher> {
  readonly watches: WatchRegistry<Watcher> = new WatchRegistry();
  readonly #provider: HostProvider;
  readonly #options: SessionOptions;
  readonly #listener: SessionListener<Watcher>;
  readonly #validity = new Validity();
  readonly #credentials = new Credentials();
  readonly #waiting: WaitingLine;
  readonly #keepAlive: KeepAlive;
  readonly #search: ReadWriteSearch;
  #state: SessionState;
  #connection: Connection | null = null;
  #sessionId: bigint;
  #timeoutMs: number;
  #lastZxid = 0n;
  /** How many times all servers have been tried since the last success. */
  #round = 0;
  #nextServer: ServerAddress | null = null;
  #cancelTimer: (() => void) | null = null;

  constructor(servers: readonly ServerAddress[], options: SessionOptions, listener: SessionListener<Watcher>) {
    const { clock } = options;
    this.#options = options;
    this.#listener = listener;
    this.#state = { phase: 'idle', identity: options.identity };
    this.#sessionId = options.identity?.id ?? 0n;
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#provider = new HostProvider(servers, options.random);
    this.#waiting = new WaitingLine(
      clock,
      () => options.requestTimeoutMs ?? this.#timeoutMs,
      () => this.isConnected,
    );
    this.#keepAlive = new KeepAlive(clock, this.#validity, (cause) => this.#dispatch({ type: 'lost', cause }));
    this.#search = new ReadWriteSearch(options.open, clock, this.#provider, (server) => this.#moveTo(server));
  }

  /** 0 before the first handshake. */
  get id(): bigint {
    return this.#sessionId;
  }
  get passwd(): Uint8Array {
    return this.#state.identity?.passwd ?? new Uint8Array(PASSWORD_BYTES);
  }
  /** The negotiated timeout; the one asked for before the first handshake. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }
  get lastZxid(): bigint {
    return this.#lastZxid;
  }
  get isConnected(): boolean {
    return this.#state.phase === 'connected';
  }
  /** The server that the session is connected to. */
  get server(): ServerAddress | null {
    return this.#state.phase === 'connected' || this.#state.phase === 'closing' ? this.#state.server : null;
  }
  /** Milliseconds for which the session is certainly alive on the server, 0 when that is not known. @see Validity */
  get validForMs(): number {
    return this.#validity.validForMs(momentOf(this.#options.clock));
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** Sends a request now, or as soon as there is a connection with room for it. */
  request<Request, Response, Result>(options: ExchangeOptions<Request, Response, Result>): Promise<Result> {
    if (options.signal?.aborted) {
      options.onLost?.();
      return Promise.reject(options.signal.reason);
    }
    const exchange = new Exchange(options);
    const refusal = this.#refusal();
    if (refusal !== null) exchange.fail(refusal);
    else if (this.#connection !== null && this.isConnected && this.#waiting.isEmpty && this.#connection.hasCapacity) {
      exchange.watchSignal(() => {});
      this.#connection.send(exchange);
      this.#keepAlive.sent();
    } else {
      exchange.watchSignal(() => {
        if (this.#waiting.remove(exchange)) options.onLost?.();
      });
      this.#waiting.push(exchange);
    }
    return exchange.promise;
  }

  /** Adds credentials, now and on every reconnect. Resolves when the server has taken them. */
  addAuth(scheme: string, auth: Uint8Array): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    return this.#credentials.add(scheme, auth, this.isConnected ? this.#connection : null);
  }

  /** Begins to end the session; the state tells when it has ended. */
  close(): void {
    this.#dispatch({ type: 'close' });
  }

  /** Replaces the list of servers; the connection may move to one of the new. */
  updateServers(servers: readonly ServerAddress[]): void {
    const move = this.#provider.update(servers, this.server);
    if (move && this.#connection !== null && this.#state.phase !== 'closing') {
      this.#dispatch({ type: 'lost', cause: new Error('moving to another server of the new list') });
    }
  }

  /** Sets the watches of one path again on the server, which reports what changed since the last reply. */
  rewatch(path: string): void {
    if (this.isConnected) this.#sendRewatch(this.watches.chunksOf(path));
  }

  #refusal(): Error | null {
    if (this.#state.phase === 'closing') return new ClosedError();
    return this.#state.phase === 'ended' ? endError(this.#state.reason) : null;
  }

  #dispatch(event: SessionEvent): void {
    const { state, effects } = transition(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'pause':
        this.#pause();
        break;
      case 'open':
        this.#open(effect.server);
        break;
      case 'send-connect-request':
        this.#sendConnectRequest();
        break;
      case 'accept':
        this.#accept(effect.response);
        break;
      case 'restore':
        this.#restore();
        break;
      case 'drop':
        this.#drop(effect.cause, effect.established);
        break;
      case 'send-close':
        this.#sendClose();
        break;
      case 'end':
        this.#end(effect.reason);
        break;
      case 'announce':
        this.#listener.onState(effect.state);
        break;
    }
  }

  #pause(): void {
    let server = this.#nextServer;
    let round = 0;
    if (server === null) {
      const candidate = this.#provider.next();
      server = candidate.server;
      if (candidate.wentRound) round = ++this.#round;
    }
    const chosen = server;
    const delayMs = reconnectDelayMs(this.#options.reconnect, round, this.#options.random);
    this.#setTimer(delayMs, () => this.#dispatch({ type: 'attempt', server: chosen }));
  }

  #open(server: ServerAddress): void {
    this.#nextServer = null;
    const connection: Connection = new Connection(this.#options.open, server, this.#options, {
      onOpen: () => this.#dispatch({ type: 'opened' }),
      onHandshake: (response) => this.#dispatch({ type: 'responded', response }),
      onEvent: (event) => this.#listener.onEvent(event, this.watches.fire(event.type, event.path)),
      onZxid: (zxid) => {
        if (zxid > this.#lastZxid) this.#lastZxid = zxid;
      },
      onAuthReply: (err) => this.#onAuthReply(err),
      onCapacity: () => this.#sendWaiting(),
      onLost: (cause) => {
        if (this.#connection === connection) this.#dispatch({ type: 'lost', cause });
      },
    });
    this.#connection = connection;
    const limitMs = this.#options.connectTimeoutMs ?? deadlinesFor(this.#timeoutMs, this.#provider.size).connectMs;
    const giveUp = (): void => {
      if (this.#connection !== connection || this.#state.phase !== 'opening') return;
      this.#dispatch({ type: 'lost', cause: new Error(`no session within ${limitMs} ms`) });
    };
    // After a blocked event loop the answer may lie in the socket already.
    this.#setTimer(limitMs, () => this.#options.clock.afterIo(giveUp));
  }

  #sendConnectRequest(): void {
    this.#connection?.sendConnectRequest({
      protocolVersion: 0,
      lastZxidSeen: this.#lastZxid,
      timeOut: this.#options.sessionTimeoutMs,
      sessionId: this.#state.identity?.id ?? 0n,
      passwd: this.passwd,
      readOnly: this.#options.canBeReadOnly,
    });
  }

  #accept(response: ConnectResponse): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#clearTimer();
    this.#sessionId = response.sessionId;
    this.#timeoutMs = response.timeOut;
    this.#round = 0;
    this.#provider.connected(connection.server);
    // What a read-only server has made up, no other server keeps alive.
    if (response.readOnly) this.#validity.stop();
    else this.#validity.restart(connection.connectSentAt, response.timeOut);
    if (response.readOnly) this.#search.start();
    const { readMs } = deadlinesFor(response.timeOut, this.#provider.size);
    this.#keepAlive.start(connection, {
      readMs,
      replyMs: this.#options.requestTimeoutMs ?? Number.POSITIVE_INFINITY,
      proofMs: response.readOnly ? Number.POSITIVE_INFINITY : this.#validity.proofIntervalMs,
    });
  }

  /** Credentials and watches belong to the connection, and go before anything that a user has asked for. */
  #restore(): void {
    if (this.#connection === null) return;
    this.#credentials.replay(this.#connection);
    this.#sendRewatch([...this.watches.chunks()]);
    this.#sendWaiting();
  }

  #sendRewatch(chunks: readonly WatchedPaths[]): void {
    for (const { operation, request, persistentPaths } of rewatchRequests(chunks, this.#lastZxid)) {
      const exchange = new Exchange({
        operation,
        request,
        path: null,
        result: () => undefined,
        // A server that does not know persistent watches would close every connection that asks for them.
        onReply: (err) => {
          if (err === ErrorCode.UNIMPLEMENTED) for (const path of persistentPaths) this.#giveUpPersistent(path);
        },
      });
      // It fails only with its connection, and the next connection sets all watches again.
      exchange.promise.catch(() => {});
      this.#connection?.send(exchange);
    }
  }

  #giveUpPersistent(path: string): void {
    const watchers = new Set([...this.watches.remove('persistent', path), ...this.watches.remove('recursive', path)]);
    this.#listener.onWatchersEnd('closed', watchers);
  }

  #sendWaiting(): void {
    while (this.isConnected && this.#connection?.hasCapacity) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      this.#connection.send(request);
      this.#keepAlive.sent();
    }
  }

  #drop(cause: Error, established: boolean): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#clearTimer();
    this.#keepAlive.stop();
    this.#search.stop();
    if (connection === null) return;
    if (!established) this.#listener.onAttemptFailed(connection.server, cause);
    connection.abandon(cause);
    if (!established) return;
    // Whoever comes after the loss waits for the next connection; those before it had counted on this one.
    for (const request of this.#waiting.drain()) request.lose('not-sent', cause);
  }

  #sendClose(): void {
    for (const request of this.#waiting.drain()) this.#connection?.send(request);
    const closed = (): void => this.#dispatch({ type: 'closed' });
    const exchange = new Exchange({ operation: closeSession, request: undefined, path: null, result: () => undefined });
    exchange.promise.then(closed, closed);
    this.#connection?.send(exchange);
    this.#setTimer(deadlinesFor(this.#timeoutMs, this.#provider.size).readMs, closed);
  }

  #end(reason: EndReason): void {
    this.#validity.stop();
    const error = endError(reason);
    for (const request of this.#waiting.drain()) request.fail(error);
    this.#credentials.fail(error);
    this.#listener.onWatchersEnd(reason, this.watches.clear());
  }

  #onAuthReply(err: number): void {
    if (err === ErrorCode.OK) this.#credentials.acknowledge();
    else this.#dispatch({ type: 'auth-refused' });
  }

  #moveTo(server: ServerAddress): void {
    this.#nextServer = server;
    this.#dispatch({ type: 'lost', cause: new Error('moving to a server that takes writes') });
  }

  #setTimer(delayMs: number, callback: () => void): void {
    this.#clearTimer();
    this.#cancelTimer = this.#options.clock.schedule(delayMs, callback);
  }

  #clearTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}
