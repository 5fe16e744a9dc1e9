import {
  AuthFailedError,
  ClosedError,
  ConnectionLossError,
  follow,
  type HistoryWentBack,
  SessionExpiredError,
  systemClock,
  unfollow,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import {
  type ConnectionEvent,
  type ConnectionState,
  type ConnectionView,
  type StateChange,
  type StateChangeReason,
  transition,
  UNCONNECTED,
} from '../connection-state.js';
import type { Diagnostics } from '../diagnostics.js';
import { Listeners } from '../listeners.js';
import type { Incarnation, SessionSource } from './executor.js';
import { retryByPolicy } from './retry-loop.js';
import { PERSEVERANCE } from './retry-policy.js';
import { sleep } from './sleep.js';

/** Factory of the clients for the sessions of one `Keeper`. */
export interface SessionClients {
  /**
   * Starts a client that asks for a new session, and returns at once.
   *
   * @param lastZxidSeen last transaction seen; 0n for none
   */
  start(lastZxidSeen: bigint): ZooKeeper;
  /**
   * Ends a session that this process has given up.
   *
   * @param server `host:port` of a server that answers
   * @throws {SessionExpiredError} with `expiry: 'server'` when the session is over already; after any other error the session may be
   *   alive
   */
  endSession(session: GivenUpSession, server: string, signal: AbortSignal): Promise<void>;
}

/** Session that this process has given up: the servers may still keep the session and its ephemerals alive. */
export interface GivenUpSession {
  readonly id: bigint;
  readonly passwd: Uint8Array;
  readonly timeoutMs: number;
  /** Ordinal of the session among the sessions of the `Keeper`. */
  readonly epoch: number;
  /** Whether the servers may let a connection resume the session, to end it. */
  readonly isResumable: boolean;
}

/**
 * Phase of the succession. `open`: the session may be used. `between`: the next session, or the first, is being opened. `ended`: no other
 * session follows.
 */
type Phase =
  | { readonly name: 'open' }
  | { readonly name: 'between'; readonly givingUp: AbortController; readonly next: ZooKeeper | null }
  | { readonly name: 'ended' };

/** Longest time for which the end of given-up sessions may delay the next session, in milliseconds. */
const GIVEN_UP_LIMIT_MS = 1_000;

/** Number of given-up sessions that a new session tries to end: the newest ones. */
const MOST_ENDED_AT_ONCE = 4;

/** Number of earlier sessions that are remembered; the servers have ended older ones long ago. */
const MOST_GIVEN_UP = 1_000;

/**
 * Sessions of one `Keeper`, one after the other, and the connection state that its users see.
 *
 * A session is kept as long as the server keeps it, or may keep it. If the connection is lost and the validity clock runs out, the state
 * becomes `LOST`, but the client still tries to resume the session. The session is over in three cases: the server says so, the server
 * answers for another session, or no server answers for 4/3 of the timeout. Then the next session is opened, without a time limit.
 *
 * In the last two cases the servers may keep the old session alive, and its ephemerals would block this process. Therefore a separate
 * short connection ends the old session before the next session serves. If that fails, the ephemerals of the old session are removed by
 * path.
 */
export class SessionSuccession implements SessionSource {
  readonly listeners: Listeners<ConnectionState>;
  readonly changeListeners: Listeners<StateChange>;
  readonly historyListeners: Listeners<HistoryWentBack>;
  readonly #clients: SessionClients;
  readonly #diagnostics: Diagnostics;
  readonly #waitMs: number | undefined;
  /** Called when a session begins to serve, before all requests that wait for the session. */
  readonly #onServing: (givenUp: readonly GivenUpSession[]) => void;
  readonly #waiters = new Set<() => void>();
  /** Given-up sessions by their id; the oldest first. */
  readonly #givenUp = new Map<bigint, GivenUpSession>();
  #phase: Phase = { name: 'ended' };
  #zookeeper: ZooKeeper;
  /** Ids of the sessions before the newest one, the oldest first. */
  readonly #earlier = new Set<bigint>();
  #epoch = 0;
  #lastZxid = 0n;
  /** Epoch of the session whose first connection was announced. */
  #reasonEpoch = 0;
  #view: ConnectionView = UNCONNECTED;
  #cancelClock: () => void = () => {};
  readonly #over = new AbortController();

  /**
   * Begins to open the first session, and returns at once.
   *
   * @param waitMs longest time that a request waits for a session; `undefined` for the session timeout
   * @param onServing called each time a session begins to serve, with the earlier sessions that may be alive on the servers
   */
  constructor(
    clients: SessionClients,
    diagnostics: Diagnostics,
    waitMs: number | undefined,
    onServing: (givenUp: readonly GivenUpSession[]) => void,
  ) {
    this.#clients = clients;
    this.#diagnostics = diagnostics;
    this.#waitMs = waitMs;
    this.#onServing = onServing;
    this.listeners = new Listeners((error) => diagnostics.report(error, 'state listener'));
    this.changeListeners = new Listeners((error) => diagnostics.report(error, 'stateChange listener'));
    this.historyListeners = new Listeners((error) => diagnostics.report(error, 'historyWentBack listener'));
    const first = this.#start();
    this.#zookeeper = first;
    void this.#openNext(first);
  }

  /** Client of the newest session; before the first session, the client that is about to get it. */
  get zookeeper(): ZooKeeper {
    return this.#zookeeper;
  }
  /** Ordinal of the newest session; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }
  /** Aborts when no further session follows, and the current one is about to end or has ended; its reason is the cause. */
  get over(): AbortSignal {
    return this.#over.signal;
  }
  /** Returns whether the id belongs to a session that another one has followed. */
  isEarlierSession(sessionId: bigint): boolean {
    return this.#earlier.has(sessionId);
  }
  get state(): ConnectionState {
    return this.#view.state ?? 'SUSPENDED';
  }

  /** Returns for how long the newest session is certainly alive, in milliseconds; 0 if that is not known. */
  validForMs(): number {
    return this.over.aborted || this.#phase.name !== 'open' ? 0 : this.#zookeeper.validForMs();
  }

  /** Returns whether a session of this process may be alive on the servers: the newest one, or one that was given up. */
  mayLive(sessionId: bigint): boolean {
    return sessionId === this.#zookeeper.sessionId || this.#givenUp.has(sessionId);
  }

  /** Returns whether the session of an epoch may be alive on the servers. */
  epochMayLive(epoch: number): boolean {
    if (epoch === this.#epoch) return true;
    for (const session of this.#givenUp.values()) if (session.epoch === epoch) return true;
    return false;
  }

  /**
   * Waits until there is a connection.
   *
   * @param connectDeadlineMs limit in milliseconds; `Infinity` for no limit
   * @throws {ConnectFailedError} when the limit has passed or the signal aborts; contains the failure at each server
   * @throws {ChrootMissingError} when the chroot of the connect string does not exist and `createChroot` is not set
   * @throws {AuthFailedError} when the server refuses the credentials
   * @throws {ClosedError} when the `Keeper` is closed
   */
  async untilConnected(connectDeadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    const deadlineAtMs = systemClock.now() + connectDeadlineMs;
    for (;;) {
      this.over.throwIfAborted();
      const phase = this.#phase;
      const zookeeper = (phase.name === 'between' ? phase.next : null) ?? this.#zookeeper;
      try {
        const leftMs = Math.max(1, Math.ceil(deadlineAtMs - systemClock.now()));
        await zookeeper.untilConnected({ connectDeadlineMs: leftMs, signal });
      } catch (error) {
        if (this.over.aborted) throw this.over.reason;
        if (!(error instanceof SessionExpiredError || error instanceof ClosedError)) throw error;
      }
      if (this.#phase.name === 'open') {
        if (isConnected(this.state)) return;
        continue;
      }
      await this.#nextSession(Number.POSITIVE_INFINITY, signal);
    }
  }

  usable(sinceEpoch: number): Incarnation | null {
    // Also returned after the end: the client's refusal then contains the cause.
    return this.#phase.name === 'between' || this.#epoch < sinceEpoch
      ? null
      : { zookeeper: this.#zookeeper, epoch: this.#epoch };
  }

  async awaitUsable(sinceEpoch: number, signal: AbortSignal | undefined): Promise<Incarnation> {
    const deadlineMs = systemClock.now() + (this.#waitMs ?? this.#zookeeper.sessionTimeoutMs);
    for (;;) {
      const session = this.usable(sinceEpoch);
      if (session !== null) return session;
      if (this.#phase.name === 'ended') throw this.over.reason;
      const leftMs = deadlineMs - systemClock.now();
      if (leftMs <= 0)
        throw new ConnectionLossError('open session', null, 'not-sent', new Error('no new session in time'));
      await this.#nextSession(leftMs, signal);
    }
  }

  /** Waits until a session begins, the sessions end, or the time runs out. Rejects with the signal's reason. */
  async #nextSession(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const waiting = new AbortController();
    const wake = (): void => waiting.abort();
    this.#waiters.add(wake);
    follow(signal, wake);
    // The sleep rejects only because a new phase or the caller's signal woke it.
    await sleep(leftMs, waiting.signal).catch(() => {});
    this.#waiters.delete(wake);
    unfollow(signal, wake);
    signal?.throwIfAborted();
  }

  /** Makes the state `LOST` and refuses new work, so that holders stop before the server can end the session. */
  beginClosing(): void {
    const reason = new ClosedError('keeper is closed');
    this.#over.abort(reason);
    this.#observe('lost', 'closed', reason);
  }

  /**
   * Ends the newest session and opens no other.
   *
   * @param timeoutMs longest wait for the server's answer
   */
  async end(timeoutMs: number): Promise<void> {
    const phase = this.#phase;
    this.#finish(new ClosedError('keeper is closed'));
    const clients = new Set([this.#zookeeper]);
    if (phase.name === 'between') {
      if (phase.next !== null) clients.add(phase.next);
      phase.givingUp.abort(new ClosedError('keeper is closed'));
    }
    await Promise.all([...clients].map((zookeeper) => zookeeper.close({ timeoutMs })));
  }

  #finish(reason: Error): void {
    this.#phase = { name: 'ended' };
    this.#over.abort(reason);
    this.#cancelClock();
    this.#zookeeper.off('state', this.#onState);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  #attach(): void {
    this.#zookeeper.on('state', this.#onState);
    this.#onState(this.#zookeeper.state);
  }

  readonly #onState = (state: ZooKeeper['state']): void => {
    this.#cancelClock();
    switch (state) {
      case 'connected':
      case 'connected-read-only':
        this.#observe(state, this.#reasonOfConnection());
        break;
      case 'connecting':
      case 'disconnected':
        this.#observe('disconnected', 'disconnected');
        this.#watchClock();
        break;
      case 'expired':
        this.#onExpired();
        break;
      case 'auth-failed':
      case 'closed': {
        const reason = state === 'closed' ? new ClosedError() : (this.#zookeeper.endError ?? new AuthFailedError());
        this.#finish(reason);
        this.#observe('lost', state, reason);
        break;
      }
    }
  };

  #onExpired(): void {
    const zookeeper = this.#zookeeper;
    zookeeper.off('state', this.#onState);
    const error = zookeeper.endError as SessionExpiredError;
    if (error.expiry !== 'server') {
      const { sessionId: id, sessionPasswd: passwd, sessionTimeoutMs: timeoutMs } = zookeeper;
      this.#givenUp.set(id, { id, passwd, timeoutMs, epoch: this.#epoch, isResumable: true });
      const [oldest] = this.#givenUp.keys();
      if (oldest !== undefined && this.#givenUp.size > MOST_GIVEN_UP) this.#givenUp.delete(oldest);
    }
    this.#lastZxid = zookeeper.lastZxid;
    // Runs before the state changes, so that work that a listener begins already waits for the next session.
    if (!this.over.aborted) void this.#openNext(null);
    this.#observe('lost', error.expiry === 'server' ? 'expired' : error.expiry, error);
  }

  #reasonOfConnection(): StateChangeReason {
    if (this.#reasonEpoch === this.#epoch) return 'reconnected';
    this.#reasonEpoch = this.#epoch;
    return this.#zookeeper.historyWentBack === null ? 'new-session' : 'history';
  }

  #observe(event: ConnectionEvent, reason: StateChangeReason, error: Error | null = null): void {
    // While the `Keeper` closes, later connection events must not undo the state `LOST`.
    if (this.over.aborted && event !== 'lost') return;
    const previous = this.state;
    const view = transition(this.#view, event);
    if (view === this.#view || view.state === null) return;
    this.#view = view;
    this.changeListeners.tell(Object.freeze({ state: view.state, previous, reason, error }));
    this.listeners.tell(view.state);
  }

  /** Checks the validity clock. Without a connection, only this clock shows that the session may be over. */
  #watchClock(): void {
    if (this.over.aborted) return;
    const leftMs = this.#zookeeper.validForMs();
    if (leftMs <= 0) {
      this.#observe('lost', 'validity');
      return;
    }
    // Checked again when the timer fires: timers fire early, and late after a blocked event loop or a suspended machine.
    this.#cancelClock = systemClock.schedule(Math.ceil(leftMs), () => this.#watchClock());
  }

  #start(): ZooKeeper {
    const zookeeper = this.#clients.start(this.#lastZxid);
    zookeeper.on('callbackError', (error) => this.#diagnostics.report(error, 'callback'));
    return zookeeper;
  }

  /** @param started client of the first attempt, if it is already started */
  async #openNext(started: ZooKeeper | null): Promise<void> {
    const givingUp = new AbortController();
    const { signal } = givingUp;
    this.#phase = { name: 'between', givingUp, next: started };
    let first = started;
    const tryToOpen = (): Promise<ZooKeeper> => {
      const zookeeper = first ?? this.#start();
      first = null;
      this.#phase = { name: 'between', givingUp, next: zookeeper };
      if (this.#epoch === 0) this.#zookeeper = zookeeper;
      return this.#untilServing(zookeeper, signal);
    };
    try {
      const shouldRetry = (error: Error): boolean => !(error instanceof AuthFailedError);
      this.#begin(await retryByPolicy(tryToOpen, PERSEVERANCE, { signal, shouldRetry }));
    } catch (error) {
      if (signal.aborted) return;
      // The server refused the credentials, and would refuse another attempt as well.
      this.#finish(error instanceof Error ? error : new Error(String(error)));
      this.#observe('lost', 'auth-failed', error as Error);
    }
  }

  #begin(zookeeper: ZooKeeper): void {
    const { historyWentBack } = zookeeper;
    if (this.#epoch > 0) this.#earlier.add(this.#zookeeper.sessionId);
    const [oldest] = this.#earlier;
    if (oldest !== undefined && this.#earlier.size > MOST_GIVEN_UP) this.#earlier.delete(oldest);
    this.#zookeeper = zookeeper;
    this.#epoch++;
    this.#phase = { name: 'open' };
    // The requests of `onServing` must precede all requests that wait for this session.
    this.#onServing([...this.#givenUp.values()]);
    if (historyWentBack !== null) this.historyListeners.tell(historyWentBack);
    this.#attach();
    this.#wakeAll();
  }

  /** Resolves when the client is connected, and the given-up sessions are ended as far as the time allows. */
  async #untilServing(zookeeper: ZooKeeper, signal: AbortSignal): Promise<ZooKeeper> {
    try {
      await zookeeper.untilConnected({ connectDeadlineMs: Number.POSITIVE_INFINITY, signal });
      await this.#endGivenUp(zookeeper);
      signal.throwIfAborted();
      return zookeeper;
    } catch (error) {
      if (!signal.aborted) this.#diagnostics.report(error, 'new session');
      void zookeeper.close();
      throw error instanceof TypeError ? new Error(error.message, { cause: error }) : error;
    }
  }

  async #endGivenUp({ server }: ZooKeeper): Promise<void> {
    const sessions = [...this.#givenUp.values()].filter(({ isResumable }) => isResumable).slice(-MOST_ENDED_AT_ONCE);
    if (sessions.length === 0 || server === null) return;
    const limit = new AbortController();
    const reached = new Promise<void>((resolve) => follow(limit.signal, resolve));
    const cancelLimit = systemClock.schedule(GIVEN_UP_LIMIT_MS, () => limit.abort(new Error('no answer in time')));
    const ended = sessions.map(async (session) => {
      try {
        await this.#clients.endSession(session, server, limit.signal);
        this.#givenUp.delete(session.id);
      } catch (error) {
        if (!(error instanceof SessionExpiredError)) return;
        // Servers that grant another session in place of this one never let a connection resume it.
        if (error.expiry === 'replaced') this.#givenUp.set(session.id, { ...session, isResumable: false });
        else this.#givenUp.delete(session.id);
      }
    });
    await Promise.race([Promise.all(ended), reached]);
    cancelLimit();
  }
}

function isConnected(state: ConnectionState): boolean {
  return state === 'CONNECTED' || state === 'RECONNECTED' || state === 'READ_ONLY';
}
