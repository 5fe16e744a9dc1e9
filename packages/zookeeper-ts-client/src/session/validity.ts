import { elapsedSince, type Moment } from './clock.js';

/** Share of the session timeout that is held back for what clocks and schedulers may be off. */
const MARGIN_SHARE = 0.1;

/** A follower reports its clients to the leader within half a tick, and a tick is at most half a session timeout. */
const REPORT_SHARE = 0.25;

/** Share of the session timeout between an answer of the leader and the next question: while it answers, half of the timeout is left. */
const PROOF_SHARE = 0.125;

/**
 * For how long the session is certainly alive on the server.
 *
 * The server ends a session a timeout T after the last packet that it had from the client. In an ensemble the leader alone does,
 * and hears of a follower's clients by the follower's reports, up to half a tick later. A follower answers reads and pings by
 * itself: also when the leader is paused or cut off from it, and sessions are about to expire whose clients get answers all the
 * time. So only two answers count here. The handshake, which the leader has seen. And that to a `sync`, which comes from the
 * leader behind everything that it had decided before, the end of sessions included: it proves that every packet answered T/4
 * before had been reported to a leader that had not ended the session, so that it lives at least until T after that
 * packet. A packet counts from when it was *sent*, and is reported by T/4 after it was *answered*, since nobody knows when
 * it arrived. Pure: it is told every moment.
 *
 * A leader that has lost its followers answers a `sync` for up to a tick more. For that, too, to lie within what is held back, the
 * session timeout has to be three ticks or more, where servers allow two.
 */
export class Validity {
  #timeoutMs = 0;
  /** When the newest packet was sent that certainly prolonged the session. */
  #proven: Moment | null = null;
  /** Packets that were answered and may not be reported yet, the oldest first. */
  #unreported: { readonly sentAt: Moment; readonly answeredAt: Moment }[] = [];

  /** A handshake went through. */
  restart(sentAt: Moment, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#proven = sentAt;
    this.#unreported = [];
  }

  /** There is no session any more, or none that counts. */
  stop(): void {
    this.#proven = null;
    this.#unreported = [];
  }

  /** The leader has answered a `sync`. */
  prove(sentAt: Moment, answeredAt: Moment): void {
    if (this.#proven === null) return;
    this.#unreported.push({ sentAt, answeredAt });
    // By the clock that never jumps: a packet must not be taken for older than it is.
    const reportedBefore = sentAt.monotonicMs - this.#timeoutMs * REPORT_SHARE;
    for (let oldest = this.#unreported[0]; oldest !== undefined; oldest = this.#unreported[0]) {
      if (oldest.answeredAt.monotonicMs > reportedBefore) return;
      this.#proven = oldest.sentAt;
      this.#unreported.shift();
    }
  }

  /** How long after the answer to one `sync` the next is due, in milliseconds. */
  get proofIntervalMs(): number {
    return this.#timeoutMs * PROOF_SHARE;
  }

  /** Milliseconds for which the session is certainly alive; 0 when that is over or was never known. */
  validForMs(now: Moment): number {
    if (this.#proven === null) return 0;
    return Math.max(0, this.#timeoutMs * (1 - MARGIN_SHARE) - elapsedSince(this.#proven, now));
  }
}
