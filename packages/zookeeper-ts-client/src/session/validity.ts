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
 * reports to the leader, which alone expires sessions, up to T/4 later. After a silence of more than 3/4 T a follower's
 * answer therefore proves nothing: the leader may have expired the session, or be about to. Then the clock starts again
 * only when a `sync`, which the leader answers after it has checked the session, was sent T/4 or more after the
 * packet that ended the silence, so that this packet has been reported by then. Pure: it is told every moment.
 */
export class Validity {
  #timeoutMs = 0;
  /** When the newest request was sent that certainly prolonged the session. */
  #proven: Moment | null = null;
  /** When the first and the newest request were sent whose acknowledgement followed a long silence. */
  #unproven: { readonly first: Moment; newest: Moment } | null = null;

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

  /** The server has answered a request that was sent at `sentAt`. */
  acknowledge(sentAt: Moment): void {
    if (this.#proven === null) return;
    const newest = this.#unproven?.newest ?? this.#proven;
    const gapMs = elapsedSince(newest, sentAt);
    if (gapMs <= 0) return;
    if (gapMs > this.#timeoutMs * SILENCE_SHARE) this.#unproven = { first: sentAt, newest: sentAt };
    else if (this.#unproven === null) this.#proven = sentAt;
    else this.#unproven.newest = sentAt;
  }

  /** A `sync` that was sent at `sentAt` has been answered. */
  prove(sentAt: Moment): void {
    this.acknowledge(sentAt);
    const unproven = this.#unproven;
    if (unproven === null || elapsedSince(unproven.first, sentAt) < this.#timeoutMs * REPORT_SHARE) return;
    this.#proven = unproven.newest;
    this.#unproven = null;
  }

  /** In how many milliseconds a `sync` should be sent to start the clock again; `null` when none is needed. */
  proofDueInMs(now: Moment): number | null {
    if (this.#unproven === null) return null;
    return Math.max(0, this.#timeoutMs * REPORT_SHARE - elapsedSince(this.#unproven.first, now));
  }

  /** Milliseconds for which the session is certainly alive; 0 when that is over or was never known. */
  validForMs(now: Moment): number {
    if (this.#proven === null) return 0;
    return Math.max(0, this.#timeoutMs * (1 - MARGIN_SHARE) - elapsedSince(this.#proven, now));
  }
}
