import { elapsedSince, type Moment } from './clock.js';

/** Share of the session timeout that is held back for what clocks and schedulers may be off. */
const MARGIN_SHARE = 0.1;

/** A silence longer than this share of the timeout leaves a follower's word without weight, see `Validity`. */
const SILENCE_SHARE = 0.75;

/** A follower reports to the leader within half a tick, and a tick is at most half a session timeout. */
const REPORT_SHARE = 0.25;

/**
 * For how long the session is certainly alive on the server.
 *
 * The server ends a session a timeout T after the last packet it had from the client, so the session lives at least until
 * T after the moment at which the newest acknowledged request was *sent*. In an ensemble a follower answers by itself and
 * reports to the leader, which alone expires sessions, up to T/4 later. An answer that comes more than 3/4 T after the last
 * request that counts was sent therefore proves nothing: whenever the follower had the packet, the leader may have expired
 * the session before it hears of it. Then the clock starts again only when a `sync`, which the leader answers after it has
 * checked the session, was sent T/4 or more after that answer, so that the packet has been reported by then. Pure: it is
 * told every moment.
 */
export class Validity {
  #timeoutMs = 0;
  /** When the newest request was sent that certainly prolonged the session. */
  #proven: Moment | null = null;
  /** When the first acknowledgement after a long silence came, and when the newest request acknowledged since was sent. */
  #unproven: { readonly since: Moment; newest: Moment } | null = null;

  /** A handshake went through; the leader has seen it. */
  restart(sentAt: Moment, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#proven = sentAt;
    this.#unproven = null;
  }

  /** There is no session any more, or none that counts. */
  stop(): void {
    this.#proven = null;
    this.#unproven = null;
  }

  /** The server has answered, by now, a request that was sent at `sentAt`. */
  acknowledge(sentAt: Moment, now: Moment): void {
    if (this.#proven === null) return;
    const newest = this.#unproven?.newest ?? this.#proven;
    if (elapsedSince(newest, sentAt) <= 0) return;
    if (elapsedSince(newest, now) > this.#timeoutMs * SILENCE_SHARE) this.#unproven = { since: now, newest: sentAt };
    else if (this.#unproven === null) this.#proven = sentAt;
    else this.#unproven.newest = sentAt;
  }

  /** A `sync` that was sent at `sentAt` has been answered by now. */
  prove(sentAt: Moment, now: Moment): void {
    this.acknowledge(sentAt, now);
    const unproven = this.#unproven;
    if (unproven === null || this.#reportDueInMs(unproven.since, sentAt) > 0) return;
    this.#proven = unproven.newest;
    this.#unproven = null;
  }

  /** In how many milliseconds a `sync` should be sent to start the clock again; `null` when none is needed. */
  proofDueInMs(now: Moment): number | null {
    return this.#unproven === null ? null : Math.max(0, this.#reportDueInMs(this.#unproven.since, now));
  }

  /** Milliseconds for which the session is certainly alive; 0 when that is over or was never known. */
  validForMs(now: Moment): number {
    if (this.#proven === null) return 0;
    return Math.max(0, this.#timeoutMs * (1 - MARGIN_SHARE) - elapsedSince(this.#proven, now));
  }

  /** By the monotonic clock alone: here the smaller elapsed time is the safe one. */
  #reportDueInMs(since: Moment, now: Moment): number {
    return this.#timeoutMs * REPORT_SHARE - (now.monotonicMs - since.monotonicMs);
  }
}
