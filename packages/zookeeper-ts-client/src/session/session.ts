import { ErrorCode } from '../errors/error-code.js';
import { ClosedError } from '../errors/errors.js';
import { jsonSafe } from '../errors/json-safe.js';
import { type ConnectResponse, PASSWORD_BYTES } from '../protocol/handshake.js';
import { closeSession } from '../protocol/operations/sync.js';
import { type Candidate, formatCandidate } from '../servers/candidate.js';
import type { ServerAddress } from '../servers/connect-string.js';
import { momentOf, Timer } from './clock.js';
import { Connection } from './connection.js';
import { Credentials } from './credentials.js';
import { attemptLimitMs, type Deadlines, deadlinesFor } from './deadlines.js';
import { Exchange, type ExchangeOptions, Failure } from './exchange.js';
import { HistoryCheck } from './history-check.js';
import { KeepAlive } from './keep-alive.js';
import { LargeRequests } from './large-requests.js';
import type { PendingRequest } from './pending-requests.js';
import { ReadWriteSearch } from './read-write-search.js';
import { ServerRotation } from './server-rotation.js';
import type { SessionListener, SessionOptions } from './session-options.js';
import {
  connectionOf,
  endError,
  type SessionEffect,
  type SessionEnd,
  type SessionEvent,
  type SessionState,
  transition,
} from './session-state.js';
import { UnsentRequests } from './unsent-requests.js';
import { Validity } from './validity.js';

/**
 * A ZooKeeper session that keeps itself alive and connected, performs the effects of `transition`, and sends requests. The paths of
 * requests are full server paths.
 */
export class Session {
  readonly #choice: ServerRotation;
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  readonly #validity = new Validity();
  readonly #credentials = new Credentials();
  readonly #unsent: UnsentRequests;
  readonly #keepAlive: KeepAlive;
  readonly #search: ReadWriteSearch;
  readonly #history = new HistoryCheck();
  readonly #large = new LargeRequests();
  #state: SessionState;
  #sessionId: bigint;
  #timeoutMs: number;
  #lastZxid: bigint;
  /** Number of attempts, since the last accepted handshake, that failed before their time limit. */
  #refused = 0;
  /** Number of attempts, since the last accepted handshake, that reached their time limit. */
  #unanswered = 0;
  #closeTimeoutMs = Number.POSITIVE_INFINITY;
  #closeSentAtMs = 0;
  #isCloseConfirmed = false;
  /** Monotonic milliseconds at which a server last sent an accepted handshake, or bytes after it; at first, the time of construction. */
  #heardAtMs: number;
  /** Timer for the limit of an attempt, for the time until a server counts as proved, and for the limit of a close. */
  readonly #timer: Timer;
  /** Timer that ends the session when no server has sent anything for `Deadlines.silenceMs`. */
  readonly #silence: Timer;

  constructor(servers: readonly ServerAddress[], options: SessionOptions, listener: SessionListener) {
    const { clock } = options;
    this.#options = options;
    this.#listener = listener;
    this.#state = { phase: 'idle', identity: options.identity };
    this.#sessionId = options.identity?.id ?? 0n;
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#lastZxid = options.lastZxidSeen;
    this.#heardAtMs = clock.now();
    this.#timer = new Timer(clock);
    this.#silence = new Timer(clock);
    this.#choice = new ServerRotation(servers, options, (server, cause) => {
      if (this.#state.phase !== 'ended') listener.onAttemptFailed(server, cause);
    });
    this.#unsent = new UnsentRequests(
      clock,
      () => options.requestTimeoutMs ?? this.#timeoutMs,
      () => this.isConnected,
    );
    this.#keepAlive = new KeepAlive(clock, this.#validity, (cause) => this.#dispatch({ type: 'lost', cause }));
    this.#search = new ReadWriteSearch(options.open, clock, this.#choice.otherRounds(), (server) => {
      this.#choice.prefer(server);
      this.#dispatch({ type: 'lost', cause: new Error('moving to a server that takes writes') });
    });
  }

  /** The session id. Before the first handshake: the id of the session to resume, or 0 for a new session. */
  get id(): bigint {
    return this.#sessionId;
  }
  get passwd(): Uint8Array {
    return this.#state.identity?.passwd ?? new Uint8Array(PASSWORD_BYTES);
  }
  /** The negotiated session timeout in milliseconds; before the first handshake, the requested timeout. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }
  /** The zxid of the last transaction whose effects the client has seen. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }
  get #connection(): Connection | null {
    return connectionOf(this.#state);
  }
  get isConnected(): boolean {
    return this.#state.phase === 'connected';
  }
  /** Number of known addresses of all servers. */
  get candidateCount(): number {
    return this.#choice.size;
  }
  /** The server that the session is connected to; `null` when there is no connection. */
  get server(): ServerAddress | null {
    return this.#state.phase === 'connected' || this.#state.phase === 'closing' ? this.#state.connection.server : null;
  }
  /** Milliseconds for which the session is certainly alive on the server; 0 when this time is not known. @see Validity */
  get validForMs(): number {
    return this.#validity.validForMs(momentOf(this.#options.clock));
  }

  /** Milliseconds since the client sent the oldest request that has no reply; 0 when there is no such request. */
  get unansweredForMs(): number {
    const oldest = this.isConnected ? (this.#connection?.oldestSentAt ?? null) : null;
    return oldest === null ? 0 : Math.max(0, this.#options.clock.now() - oldest.monotonicMs);
  }

  /** The error with which every request rejects after the session has ended; `null` before. */
  get endError(): Error | null {
    return this.#state.phase === 'ended' ? endError(this.#state.end) : null;
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /**
   * Sends a request now, or as soon as a connection has room for it. This method creates the error of a failed request after its `await`.
   * The error's stack therefore contains the functions that await this call.
   */
  async request<Request, Response, Result>(options: ExchangeOptions<Request, Response, Result>): Promise<Result> {
    const exchange = new Exchange(options);
    if (!exchange.rejectIfAborted()) this.#begin(exchange, options);
    try {
      return await exchange.promise;
    } catch (failure) {
      throw failure instanceof Failure ? failure.error : failure;
    }
  }

  #begin<Request, Response, Result>(
    exchange: Exchange<Request, Response, Result>,
    options: ExchangeOptions<Request, Response, Result>,
  ): void {
    const goesNow = options.ahead || (this.#unsent.isEmpty && this.#connection?.hasCapacity);
    const refusal = this.#refusal();
    if (refusal !== null) exchange.fail(refusal);
    else if (this.#connection !== null && this.isConnected && goesNow) {
      if (options.signal !== undefined) exchange.watchSignal(() => this.#withdraw(exchange, options));
      if (this.#connection.send(exchange, !options.ahead)) this.#keepAlive.sent();
      else this.#unsent.push(exchange);
    } else {
      if (options.signal !== undefined) exchange.watchSignal(() => this.#withdraw(exchange, options));
      this.#unsent.push(exchange);
    }
  }

  /** Removes a request that its caller has aborted from the unsent requests; returns whether the request was there. */
  #withdraw(request: PendingRequest, { onLost }: { readonly onLost?: () => void }): boolean {
    const wasWaiting = this.#unsent.remove(request);
    if (wasWaiting) onLost?.();
    return wasWaiting;
  }

  /** Adds credentials and sends them, now and after every reconnect. Resolves when a server has accepted the credentials. */
  addAuth(scheme: string, auth: Uint8Array): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal());
    return this.#credentials.add(scheme, auth, this.isConnected ? this.#connection : null);
  }

  /**
   * Starts to close the session; `SessionListener.onState` reports when the session has ended.
   *
   * @param timeoutMs milliseconds to wait for the server's answer, at most `Deadlines.readMs`; of several calls, the smallest value counts
   */
  close(timeoutMs: number): void {
    this.#closeTimeoutMs = Math.min(this.#closeTimeoutMs, timeoutMs);
    if (this.#state.phase === 'closing') this.#limitClose();
    else this.#dispatch({ type: 'close' });
  }

  /** Whether the server has confirmed that the session is closed. */
  get isCloseConfirmed(): boolean {
    return this.#isCloseConfirmed;
  }

  /** Replaces the list of servers. The session may then move its connection to another server of the new list. */
  updateServers(servers: readonly ServerAddress[]): void {
    const move = this.#choice.update(servers, this.server);
    if (move && this.#connection !== null && this.#state.phase !== 'closing') {
      this.#dispatch({ type: 'lost', cause: new Error('moving to another server of the new list') });
    }
  }

  /** Notes the zxid that a server has reached. */
  #seen(zxid: bigint): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  /** Gives up the connection after one second, because the server was too busy to restore the session's watches. */
  loseSoon(cause: Error): void {
    this.#connection?.loseSoon(cause);
  }

  get #deadlines(): Deadlines {
    return deadlinesFor(this.#timeoutMs, this.#choice.size);
  }

  #refusal(): (() => Error) | null {
    const state = this.#state;
    if (state.phase === 'closing') return () => new ClosedError();
    return state.phase === 'ended' ? () => endError(state.end) : null;
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
      'send-connect-request': () => this.#sendConnectRequest(),
      accept: ({ response }) => this.#accept(response),
      verify: () => this.#connection?.ping(),
      decline: ({ connection }) => connection.decline(),
      restore: () => this.#restore(),
      drop: ({ connection, cause, established }) => this.#drop(connection, cause, established),
      'send-close': () => this.#sendClose(),
      end: (effect) => this.#end(effect.end),
      announce: ({ state }) => this.#listener.onState(state),
    };

  #pause(): void {
    this.#watchSilence();
    this.#choice.next((server) => this.#attempt(server));
  }

  /** Arms the timer that ends the session when no server has sent anything for 4/3 of the session timeout, however the attempts fail. */
  #watchSilence(): void {
    if (this.#askedId === 0n || this.#silence.isSet) return;
    const leftMs = this.#heardAtMs + this.#deadlines.silenceMs - this.#options.clock.now();
    // After a blocked event loop, the server's answer may already be in the socket.
    this.#silence.set(Math.max(0, leftMs), () => this.#options.clock.afterIo(() => this.#giveUpSilentSession()));
  }

  #giveUpSilentSession(): void {
    const { phase } = this.#state;
    if (phase !== 'pausing' && !this.#isOpening) return;
    const silentMs = Math.round(this.#options.clock.now() - this.#heardAtMs);
    // Since the timer fired, a server may have accepted the session and closed the connection. Timers can also fire early.
    if (silentMs < this.#deadlines.silenceMs) this.#watchSilence();
    else this.#dispatch({ type: 'silent', cause: new Error(`no server has said anything for ${silentMs} ms`) });
  }

  /** Whether an attempt to connect is in progress and the server has not answered its handshake yet. */
  get #isOpening(): boolean {
    return this.#state.phase === 'connecting' || this.#state.phase === 'handshaking';
  }

  get #attemptLimitMs(): number {
    const { connectTimeoutMs } = this.#options;
    return (
      connectTimeoutMs ?? attemptLimitMs(this.#deadlines.connectMs, this.#refused, this.#unanswered, this.#choice.size)
    );
  }

  /** The id of the session that the next handshake asks for; 0 for a new session. */
  get #askedId(): bigint {
    return this.#state.identity?.id ?? 0n;
  }

  /** Starts an attempt to connect to one server. */
  #attempt(server: Candidate): void {
    const connection: Connection = new Connection(
      this.#options.open,
      server,
      { ...this.#options, large: this.#large },
      {
        onOpen: () => this.#dispatch({ type: 'opened' }),
        isHandshaking: () => this.#state.phase === 'handshaking',
        onHandshake: (response) => this.#dispatch({ type: 'responded', response, inDoubt: this.#history.isInDoubt }),
        onEvent: (event) => this.#listener.onEvent(event),
        onReply: (err, zxid) => {
          this.#seen(zxid);
          if (err === ErrorCode.OK) this.#choice.proved();
        },
        onAuthReply: (err) =>
          err === ErrorCode.OK
            ? this.#credentials.acknowledge()
            : this.#dispatch({
                type: 'auth-refused',
                message: 'authentication failed: the server refused the credentials',
              }),
        onAuthDemanded: () =>
          this.#dispatch({ type: 'auth-refused', message: 'authentication failed: the server demands credentials' }),
        onPong: (zxid) => this.#verify(zxid),
        onCapacity: () => this.#sendWaiting(),
        onLost: (cause) => {
          if (this.#connection !== connection) return;
          const isUnanswered = this.#state.phase === 'handshaking' && connection.hasHeardNothing;
          if (isUnanswered && this.#askedId === 0n && this.lastZxid > 0n) {
            this.#history.closedBy(formatCandidate(connection.server));
          }
          if (this.#isOpening) this.#refused++;
          this.#dispatch({ type: 'lost', cause: isUnanswered ? unanswered(cause) : cause });
        },
      },
    );
    this.#dispatch({ type: 'attempt', connection });
    const limitMs = this.#attemptLimitMs;
    const giveUp = (): void => {
      if (this.#connection !== connection || !this.#isOpening) return;
      this.#unanswered++;
      this.#dispatch({ type: 'lost', cause: new Error(`no session within ${limitMs} ms`) });
    };
    // After a blocked event loop, the server's answer may already be in the socket.
    this.#timer.set(limitMs, () => this.#options.clock.afterIo(giveUp));
  }

  #sendConnectRequest(): void {
    const { isInDoubt } = this.#history;
    this.#connection?.sendConnectRequest({
      protocolVersion: 0,
      lastZxidSeen: isInDoubt ? 0n : this.lastZxid,
      timeOut: this.#options.sessionTimeoutMs,
      sessionId: this.#askedId,
      passwd: this.passwd,
      // A read-only server can be behind the other servers, so its history proves nothing.
      readOnly: this.#options.canBeReadOnly && !isInDoubt,
    });
  }

  /**
   * Compares the last zxid that this client has seen with the history of the server that granted a new session. That server has executed
   * the creation of the session. The server therefore knows every transaction that the ensemble committed before.
   */
  #verify(serverZxid: bigint): void {
    if (this.#state.phase !== 'verifying') return;
    const lastZxidSeen = this.lastZxid;
    this.#history.settle();
    if (serverZxid >= lastZxidSeen) {
      this.#seen(serverZxid);
    } else {
      this.#lastZxid = serverZxid;
      this.#listener.onHistoryWentBack(jsonSafe({ lastZxidSeen, serverZxid }));
    }
    this.#dispatch({ type: 'verified' });
  }

  #accept(response: ConnectResponse): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#sessionId = response.sessionId;
    this.#timeoutMs = response.timeOut;
    this.#heardAtMs = this.#options.clock.now();
    this.#silence.clear();
    this.#refused = this.#unanswered = 0;
    this.#choice.accepted(connection.server);
    this.#timer.set(this.#options.reconnect.minDelayMs, () => this.#choice.proved());
    // A read-only server invents the session, and no other server keeps it alive.
    if (response.readOnly) this.#validity.stop();
    else this.#validity.restart(connection.connectSentAt, response.timeOut);
    if (response.readOnly) this.#search.start();
    this.#keepAlive.start(connection, {
      readMs: this.#deadlines.readMs,
      replyMs: this.#options.requestTimeoutMs ?? Number.POSITIVE_INFINITY,
      proofMs: response.readOnly ? Number.POSITIVE_INFINITY : this.#validity.proofIntervalMs,
    });
  }

  /** Restores credentials and watches, which belong to the connection, before the session sends any request of its users. */
  #restore(): void {
    if (this.#connection === null) return;
    this.#credentials.replay(this.#connection);
    this.#listener.onRestore();
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    while (this.isConnected && this.#connection?.hasCapacity) {
      const request = this.#unsent.shift();
      if (request === undefined) return;
      if (!this.#connection.send(request, true)) {
        this.#unsent.unshift(request);
        return;
      }
      this.#keepAlive.sent();
    }
  }

  #drop(connection: Connection | null, cause: Error, established: boolean): void {
    this.#timer.clear();
    this.#choice.cancel();
    this.#keepAlive.stop();
    this.#search.stop();
    if (connection === null) return;
    if (!established) this.#listener.onAttemptFailed(connection.server, cause);
    const again = connection.abandon(cause);
    if (!established) return;
    this.#heardAtMs = connection.lastHeardAtMs;
    // Requests made after the loss wait for the next connection. Requests made before the loss relied on this connection and end with it.
    for (const request of this.#unsent.drain()) request.lose('not-sent', cause);
    for (const request of again) this.#unsent.push(request);
  }

  #sendClose(): void {
    this.#validity.stop();
    for (const request of this.#unsent.drain()) this.#connection?.send(request);
    const closed = (): void => this.#dispatch({ type: 'closed' });
    const confirmed = (): void => {
      this.#isCloseConfirmed = true;
      closed();
    };
    const exchange = new Exchange({ operation: closeSession, request: undefined, path: null, result: () => undefined });
    exchange.promise.then(confirmed, closed);
    this.#closeSentAtMs = this.#options.clock.now();
    this.#connection?.send(exchange);
    this.#limitClose();
  }

  #limitClose(): void {
    const limitMs = Math.min(this.#deadlines.readMs, this.#closeTimeoutMs);
    const leftMs = this.#closeSentAtMs + limitMs - this.#options.clock.now();
    this.#timer.set(Math.max(0, leftMs), () => this.#dispatch({ type: 'closed' }));
  }

  #end(end: SessionEnd): void {
    this.#validity.stop();
    this.#silence.clear();
    for (const request of this.#unsent.drain()) request.fail(() => endError(end));
    this.#credentials.fail(endError(end));
    this.#listener.onEnd(end.reason);
  }
}

/** Makes the error for a connection that the server closed after the client sent the handshake and before the server sent anything. */
function unanswered(cause: Error): Error {
  const why =
    'no answer to the handshake (the server may not be serving, have all its connections taken, expect TLS on this port, or be behind what this client has seen)';
  return new Error(`${why}: ${cause.message}`, { cause });
}
