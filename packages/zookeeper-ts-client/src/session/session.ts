import type { ServerAddress } from '../ensemble/connect-string.js';
import { HostProvider } from '../ensemble/host-provider.js';
import { ClosedError } from '../errors.js';
import { ErrorCode } from '../protocol/error-code.js';
import { type ConnectResponse, PASSWORD_BYTES } from '../protocol/handshake.js';
import { closeSession } from '../protocol/operations/sync.js';
import { momentOf, Timer } from './clock.js';
import { Connection } from './connection.js';
import { Credentials } from './credentials.js';
import { type Deadlines, deadlinesFor } from './deadlines.js';
import { Exchange, type ExchangeOptions } from './exchange.js';
import { KeepAlive } from './keep-alive.js';
import { ReadWriteSearch } from './read-write-search.js';
import { Rewatch } from './rewatch.js';
import { ServerChoice } from './server-choice.js';
import type { SessionListener, SessionOptions } from './session-options.js';
import {
  type EndReason,
  endError,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
  transition,
} from './session-state.js';
import { Validity } from './validity.js';
import { WaitingLine } from './waiting-line.js';
import { WatchRegistry } from './watch-registry.js';

/** A session: keeps itself alive and connected, performs what `transition` decides, and carries requests. Its paths are the server's. */
export class Session<Watcher> {
  readonly watches: WatchRegistry<Watcher>;
  readonly #provider: HostProvider;
  readonly #choice: ServerChoice;
  readonly #options: SessionOptions;
  readonly #listener: SessionListener<Watcher>;
  readonly #validity = new Validity();
  readonly #credentials = new Credentials();
  readonly #waiting: WaitingLine;
  readonly #keepAlive: KeepAlive;
  readonly #search: ReadWriteSearch;
  readonly #rewatch: Rewatch<Watcher>;
  #state: SessionState;
  #connection: Connection | null = null;
  #sessionId: bigint;
  #timeoutMs: number;
  /** Monotonic milliseconds at which a server last said anything. */
  #heardAtMs: number;
  readonly #timer: Timer;

  constructor(servers: readonly ServerAddress[], options: SessionOptions, listener: SessionListener<Watcher>) {
    const { clock } = options;
    this.#options = options;
    this.#listener = listener;
    this.watches = new WatchRegistry(options.maxFrameBytes);
    this.#rewatch = new Rewatch(this.watches, (path) =>
      listener.onWatchersEnd('closed', this.watches.removeLasting(path)),
    );
    this.#state = { phase: 'idle', identity: options.identity };
    this.#sessionId = options.identity?.id ?? 0n;
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#heardAtMs = clock.now();
    this.#timer = new Timer(clock);
    this.#provider = new HostProvider(servers, options.random);
    this.#choice = new ServerChoice(this.#provider, options.reconnect, options.random);
    this.#waiting = new WaitingLine(
      clock,
      () => options.requestTimeoutMs ?? this.#timeoutMs,
      () => this.isConnected,
    );
    this.#keepAlive = new KeepAlive(clock, this.#validity, (cause) => this.#dispatch({ type: 'lost', cause }));
    this.#search = new ReadWriteSearch(options.open, clock, this.#provider, (server) => {
      this.#choice.prefer(server);
      this.#dispatch({ type: 'lost', cause: new Error('moving to a server that takes writes') });
    });
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
    return this.#rewatch.lastZxid;
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
    const exchange = new Exchange(options);
    if (exchange.rejectIfAborted()) return exchange.promise;
    const goesNow = options.ahead || (this.#waiting.isEmpty && this.#connection?.hasCapacity);
    const refusal = this.#refusal();
    if (refusal !== null) exchange.fail(refusal);
    else if (this.#connection !== null && this.isConnected && goesNow) {
      exchange.watchSignal(() => false);
      this.#connection.send(exchange);
      this.#keepAlive.sent();
    } else {
      exchange.watchSignal(() => {
        const wasWaiting = this.#waiting.remove(exchange);
        if (wasWaiting) options.onLost?.();
        return wasWaiting;
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
    if (this.#connection !== null && this.isConnected) this.#rewatch.path(path, this.#connection);
  }

  get #deadlines(): Deadlines {
    return deadlinesFor(this.#timeoutMs, this.#provider.size);
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
    const perform = this.#performers[effect.type] as (effect: SessionEffect) => void;
    perform(effect);
  }

  readonly #performers: { readonly [Type in SessionEffect['type']]: (effect: SessionEffect & { type: Type }) => void } =
    {
      pause: () => this.#pause(),
      open: ({ server }) => this.#open(server),
      'send-connect-request': () => this.#sendConnectRequest(),
      accept: ({ response }) => this.#accept(response),
      restore: () => this.#restore(),
      drop: ({ cause, established }) => this.#drop(cause, established),
      'send-close': () => this.#sendClose(),
      end: ({ reason }) => this.#end(reason),
      announce: ({ state }) => this.#listener.onState(state),
    };

  #pause(): void {
    const { server, delayMs } = this.#choice.next();
    this.#timer.set(delayMs, () => this.#dispatch({ type: 'attempt', server }));
  }

  #open(server: ServerAddress): void {
    const connection: Connection = new Connection(this.#options.open, server, this.#options, {
      onOpen: () => this.#dispatch({ type: 'opened' }),
      onHandshake: (response) => this.#dispatch({ type: 'responded', response }),
      onEvent: (event) => this.#listener.onEvent(event, this.watches.fire(event.type, event.path)),
      onReply: (err, zxid) => {
        this.#rewatch.seen(zxid);
        if (err === ErrorCode.OK) this.#choice.proved();
      },
      onAuthReply: (err) =>
        err === ErrorCode.OK ? this.#credentials.acknowledge() : this.#dispatch({ type: 'auth-refused' }),
      onCapacity: () => this.#sendWaiting(),
      onLost: (cause) => {
        if (this.#connection === connection) this.#dispatch({ type: 'lost', cause });
      },
    });
    this.#connection = connection;
    const limitMs = this.#options.connectTimeoutMs ?? this.#deadlines.connectMs;
    const giveUp = (): void => {
      if (this.#connection !== connection || this.#state.phase !== 'opening') return;
      const silentMs = this.#options.clock.now() - this.#heardAtMs;
      const unanswered = connection.isHandshaking && silentMs >= this.#deadlines.silenceMs;
      const cause = new Error(`no session within ${limitMs} ms`);
      this.#dispatch({ type: unanswered ? 'unanswered' : 'lost', cause });
    };
    // After a blocked event loop the answer may lie in the socket already.
    this.#timer.set(limitMs, () => this.#options.clock.afterIo(giveUp));
  }

  #sendConnectRequest(): void {
    this.#connection?.sendConnectRequest({
      protocolVersion: 0,
      lastZxidSeen: this.lastZxid,
      timeOut: this.#options.sessionTimeoutMs,
      sessionId: this.#state.identity?.id ?? 0n,
      passwd: this.passwd,
      readOnly: this.#options.canBeReadOnly,
    });
  }

  #accept(response: ConnectResponse): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#sessionId = response.sessionId;
    this.#timeoutMs = response.timeOut;
    this.#choice.accepted(connection.server);
    this.#timer.set(this.#options.reconnect.minDelayMs, () => this.#choice.proved());
    // What a read-only server has made up, no other server keeps alive.
    if (response.readOnly) this.#validity.stop();
    else this.#validity.restart(connection.connectSentAt, response.timeOut);
    if (response.readOnly) this.#search.start();
    this.#keepAlive.start(connection, {
      readMs: this.#deadlines.readMs,
      replyMs: this.#options.requestTimeoutMs ?? Number.POSITIVE_INFINITY,
      proofMs: response.readOnly ? Number.POSITIVE_INFINITY : this.#validity.proofIntervalMs,
    });
  }

  /** Credentials and watches belong to the connection, and go before anything that a user has asked for. */
  #restore(): void {
    if (this.#connection === null) return;
    this.#credentials.replay(this.#connection);
    this.#rewatch.all(this.#connection);
    this.#sendWaiting();
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
    this.#timer.clear();
    this.#keepAlive.stop();
    this.#search.stop();
    if (connection === null) return;
    if (!established) this.#listener.onAttemptFailed(connection.server, cause);
    connection.abandon(cause);
    if (!established) return;
    this.#heardAtMs = connection.lastHeardAtMs;
    // Whoever comes after the loss waits for the next connection; those before it had counted on this one.
    for (const request of this.#waiting.drain()) request.lose('not-sent', cause);
  }

  #sendClose(): void {
    this.#validity.stop();
    for (const request of this.#waiting.drain()) this.#connection?.send(request);
    const closed = (): void => this.#dispatch({ type: 'closed' });
    const exchange = new Exchange({ operation: closeSession, request: undefined, path: null, result: () => undefined });
    exchange.promise.then(closed, closed);
    this.#connection?.send(exchange);
    this.#timer.set(this.#deadlines.readMs, closed);
  }

  #end(reason: EndReason): void {
    this.#validity.stop();
    const error = endError(reason);
    for (const request of this.#waiting.drain()) request.fail(error);
    this.#credentials.fail(error);
    this.#listener.onWatchersEnd(reason, this.watches.clear());
  }
}
