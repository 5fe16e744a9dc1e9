import { sync } from '../protocol/operations/sync.js';
import { type Clock, momentOf } from './clock.js';
import type { Connection } from './connection.js';
import { nextPingInMs } from './deadlines.js';
import { Exchange } from './exchange.js';
import type { Validity } from './validity.js';

/** Time limits of a connection, in milliseconds. */
export interface KeepAliveLimits {
  /** Time without a byte from the server after which the connection is dead. */
  readonly readMs: number;
  /** Time without the reply to a request after which the connection is dead; `Infinity` when a reply may take any time. */
  readonly replyMs: number;
  /** Time from the answer to one `sync` until the next `sync` to the leader; `Infinity` on a read-only server, which has no leader. */
  readonly proofMs: number;
}

/**
 * Monitor of an established connection: sends pings while the connection is idle, detects a silent server, and renews the validity of the
 * session.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #validity: Validity;
  readonly #lost: (cause: Error) => void;
  #connection: Connection | null = null;
  #limits: KeepAliveLimits = { readMs: 0, replyMs: 0, proofMs: 0 };
  #proofUnderWay = false;
  #answeredAtMs = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, validity: Validity, lost: (cause: Error) => void) {
    this.#clock = clock;
    this.#validity = validity;
    this.#lost = lost;
  }

  start(connection: Connection, limits: KeepAliveLimits): void {
    this.stop();
    this.#connection = connection;
    this.#limits = limits;
    this.#answeredAtMs = this.#clock.now();
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#connection = null;
    this.#proofUnderWay = false;
  }

  /** Notes that a request was sent: if replies have a limit, the timer must take the request into account. */
  sent(): void {
    if (this.#limits.replyMs !== Number.POSITIVE_INFINITY) this.#arm();
  }

  #arm(): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#cancel?.();
    this.#cancel = this.#clock.schedule(Math.max(1, Math.ceil(this.#dueInMs(connection))), () =>
      this.#onTimer(connection),
    );
  }

  #dueInMs(connection: Connection): number {
    const now = this.#clock.now();
    const readDueMs = connection.lastHeardAtMs + this.#limits.readMs - now;
    const pingDueMs = nextPingInMs(this.#limits.readMs, now - connection.lastSentAtMs);
    // While a ping is unanswered the client sends no other ping, so the timer waits for the read limit instead.
    const nextPingMs = connection.pingUnderWay && pingDueMs <= 0 ? readDueMs : pingDueMs;
    return Math.min(readDueMs, nextPingMs, this.#proofDueMs(now), this.#replyDueMs(connection, now));
  }

  #replyDueMs(connection: Connection, now: number): number {
    const oldest = connection.oldestSentAt;
    return oldest === null ? Number.POSITIVE_INFINITY : oldest.monotonicMs + this.#limits.replyMs - now;
  }

  #proofDueMs(now: number): number {
    return this.#proofUnderWay ? Number.POSITIVE_INFINITY : this.#answeredAtMs + this.#limits.proofMs - now;
  }

  #onTimer(connection: Connection): void {
    this.#cancel = null;
    const now = this.#clock.now();
    if (this.#complaint(connection, now) !== null) {
      // After a blocked event loop, the answer may already be in the socket: the client reads the socket before it reports a loss.
      this.#clock.afterIo(() => this.#judge(connection));
      return;
    }
    if (!connection.pingUnderWay && nextPingInMs(this.#limits.readMs, now - connection.lastSentAtMs) <= 1)
      connection.ping();
    if (this.#proofDueMs(now) <= 0) this.#prove(connection);
    this.#arm();
  }

  #judge(connection: Connection): void {
    if (connection !== this.#connection) return;
    const complaint = this.#complaint(connection, this.#clock.now());
    if (complaint !== null) this.#lost(new Error(complaint));
    else this.#arm();
  }

  #complaint(connection: Connection, now: number): string | null {
    if (now - connection.lastHeardAtMs >= this.#limits.readMs)
      return `nothing heard from the server for ${this.#limits.readMs} ms`;
    return this.#replyDueMs(connection, now) <= 0 ? `no reply within ${this.#limits.replyMs} ms` : null;
  }

  /** Sends a `sync`: only an answer from the leader renews the validity of the session. */
  #prove(connection: Connection): void {
    this.#proofUnderWay = true;
    const exchange: Exchange<{ readonly path: string }, { readonly path: string }, void> = new Exchange({
      operation: sync,
      request: { path: '/' },
      path: null,
      result: () => this.#validity.prove(exchange.sentAt, momentOf(this.#clock)),
    });
    const done = (): void => {
      if (connection !== this.#connection) return;
      this.#proofUnderWay = false;
      this.#answeredAtMs = this.#clock.now();
      this.#arm();
    };
    exchange.promise.then(done, done);
    connection.send(exchange);
  }
}
