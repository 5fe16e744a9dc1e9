import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { AuthFailedError, ClosedError, ConnectionLossError, type ZooKeeper } from 'zookeeper-ts-client';
import {
  type ConnectionEvent,
  type ConnectionState,
  type ConnectionView,
  transition,
  UNCONNECTED,
} from '../connection-state.js';
import type { Diagnostics } from '../diagnostics.js';
import { Listeners } from '../listeners.js';
import type { Incarnation, SessionSource } from './executor.js';
import { PERSEVERANCE } from './retry-policy.js';

/** Opens a session; rejects when no server gives one. */
export type OpenSession = (signal: AbortSignal | undefined) => Promise<ZooKeeper>;

/** `open`: the session may be used. `between`: it has expired and the next is being opened. `ended`: there will be no other. */
type Phase =
  | { readonly name: 'open' }
  | { readonly name: 'between'; readonly givingUp: AbortController }
  | { readonly name: 'ended' };

/** Node's timers take no longer delay. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The sessions of one `Keeper`, one after the other, and the connection state that its users see.
 *
 * A session is kept as long as the server keeps it. When the connection is lost and the validity clock has run out, the state
 * is `LOST`, yet the client goes on trying to come back to it; only when the server has said that it expired is the next
 * session opened, for ever if need be.
 */
export class SessionSuccession implements SessionSource {
  /** Who wants to hear of the connection state. */
  readonly listeners: Listeners<ConnectionState>;
  readonly #openSession: OpenSession;
  readonly #diagnostics: Diagnostics;
  readonly #waitMs: number | undefined;
  readonly #waiters = new Set<() => void>();
  #phase: Phase = { name: 'open' };
  #zookeeper: ZooKeeper;
  #epoch = 1;
  readonly #earlier = new Set<bigint>();
  #view: ConnectionView = UNCONNECTED;
  #clock: NodeJS.Timeout | undefined;
  readonly #over = new AbortController();

  private constructor(
    zookeeper: ZooKeeper,
    openSession: OpenSession,
    diagnostics: Diagnostics,
    waitMs: number | undefined,
  ) {
    this.#openSession = openSession;
    this.#diagnostics = diagnostics;
    this.#waitMs = waitMs;
    this.listeners = new Listeners((error) => diagnostics.report(error, 'state listener'));
    this.#zookeeper = zookeeper;
    this.#attach();
  }

  /** @param waitMs how long a request may wait for a session; the session timeout where `undefined` */
  static async begin(
    openSession: OpenSession,
    diagnostics: Diagnostics,
    waitMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SessionSuccession> {
    return new SessionSuccession(await openSession(signal), openSession, diagnostics, waitMs);
  }

  /** The client of the newest session. */
  get zookeeper(): ZooKeeper {
    return this.#zookeeper;
  }
  get epoch(): number {
    return this.#epoch;
  }
  /** Aborts when no session will come any more and the present one is about to end, or has; its reason says why. */
  get over(): AbortSignal {
    return this.#over.signal;
  }
  /** Whether it is the id of a session that another one has followed. */
  isEarlierSession(sessionId: bigint): boolean {
    return this.#earlier.has(sessionId);
  }
  get state(): ConnectionState {
    return this.#view.state ?? 'SUSPENDED';
  }

  /** How long the newest session is certainly alive; 0 when that is not known. */
  validForMs(): number {
    return this.over.aborted || this.#phase.name !== 'open' ? 0 : this.#zookeeper.validForMs();
  }

  usable(sinceEpoch: number): Incarnation | null {
    // After the end too: the client's refusal says why.
    return this.#phase.name === 'between' || this.#epoch < sinceEpoch
      ? null
      : { zookeeper: this.#zookeeper, epoch: this.#epoch };
  }

  async awaitUsable(sinceEpoch: number, signal: AbortSignal | undefined): Promise<Incarnation> {
    const deadlineMs = performance.now() + (this.#waitMs ?? this.#zookeeper.sessionTimeoutMs);
    for (;;) {
      const session = this.usable(sinceEpoch);
      if (session !== null) return session;
      if (this.#phase.name === 'ended') throw this.over.reason;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0)
        throw new ConnectionLossError('open session', null, 'not-sent', new Error('no new session in time'));
      await this.#nextSession(leftMs, signal);
    }
  }

  /** Waits for a session, for its end, for the time to run out, or rejects with the signal's reason. */
  async #nextSession(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const waiting = new AbortController();
    const wake = (): void => waiting.abort();
    this.#waiters.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    // Rejects only because one of the two woke it.
    await delay(Math.min(leftMs, LONGEST_TIMER_MS), undefined, { signal: waiting.signal }).catch(() => {});
    this.#waiters.delete(wake);
    signal?.removeEventListener('abort', wake);
    signal?.throwIfAborted();
  }

  /** From here on nothing is certain any more and nothing new begins: holders hear of it before the server can. */
  beginClosing(): void {
    this.#over.abort(new ClosedError('keeper is closed'));
    this.#observe('lost');
  }

  /** Ends the newest session and opens no other. */
  async end(): Promise<void> {
    const phase = this.#phase;
    this.#finish(new ClosedError('keeper is closed'));
    if (phase.name === 'between') phase.givingUp.abort();
    await this.#zookeeper.close();
  }

  #finish(reason: Error): void {
    this.#phase = { name: 'ended' };
    this.#over.abort(reason);
    clearTimeout(this.#clock);
    this.#zookeeper.off('state', this.#onState);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  #attach(): void {
    this.#zookeeper.on('state', this.#onState);
    this.#zookeeper.on('callbackError', (error) => this.#diagnostics.report(error, 'callback'));
    this.#onState(this.#zookeeper.state);
  }

  readonly #onState = (state: ZooKeeper['state']): void => {
    clearTimeout(this.#clock);
    switch (state) {
      case 'connected':
      case 'connected-read-only':
        this.#observe(state);
        break;
      case 'connecting':
      case 'disconnected':
        this.#observe('disconnected');
        this.#watchClock();
        break;
      case 'expired':
        this.#zookeeper.off('state', this.#onState);
        // First, so that what a listener begins goes to the next session already.
        if (!this.over.aborted) void this.#succeed();
        this.#observe('lost');
        break;
      case 'auth-failed':
      case 'closed':
        this.#finish(state === 'closed' ? new ClosedError() : new AuthFailedError());
        this.#observe('lost');
        break;
    }
  };

  #observe(event: ConnectionEvent): void {
    // Whatever the connection does now, it is on its way out.
    if (this.over.aborted && event !== 'lost') return;
    const view = transition(this.#view, event);
    if (view === this.#view || view.state === null) return;
    this.#view = view;
    this.listeners.tell(view.state);
  }

  /** While there is no connection, nobody but this clock can say that the session may be over. */
  #watchClock(): void {
    if (this.over.aborted) return;
    const leftMs = this.#zookeeper.validForMs();
    if (leftMs <= 0) {
      this.#observe('lost');
      return;
    }
    // Asked again when it fires: timers come early, and late after a blocked event loop or a suspended machine.
    this.#clock = setTimeout(() => this.#watchClock(), Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
  }

  async #succeed(): Promise<void> {
    const givingUp = new AbortController();
    const { signal } = givingUp;
    this.#phase = { name: 'between', givingUp };
    try {
      const zookeeper = await pRetry(() => this.#tryToOpen(signal), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: PERSEVERANCE.baseDelayMs,
        maxTimeout: PERSEVERANCE.maxDelayMs,
        randomize: true,
        signal,
      });
      this.#earlier.add(this.#zookeeper.sessionId);
      this.#zookeeper = zookeeper;
      this.#epoch++;
      this.#phase = { name: 'open' };
      this.#attach();
      this.#wakeAll();
    } catch (error) {
      if (!signal.aborted) this.#diagnostics.report(error, 'new session');
    }
  }

  async #tryToOpen(signal: AbortSignal): Promise<ZooKeeper> {
    let zookeeper: ZooKeeper;
    try {
      zookeeper = await this.#openSession(signal);
    } catch (error) {
      if (!signal.aborted) this.#diagnostics.report(error, 'new session');
      throw error instanceof TypeError ? new Error(error.message, { cause: error }) : error;
    }
    if (signal.aborted) await zookeeper.close();
    return zookeeper;
  }
}
