import { elapsedSince, type Moment } from './clock.js';

/** Share of the session timeout that is held back as a margin for inaccurate clocks and schedulers. */
const MARGIN_SHARE = 0.1;

/**
 * Share of the session timeout within which a follower reports its clients to the leader. The report comes within half a tick, and a tick
 * is at most half a session timeout.
 */
const REPORT_SHARE = 0.25;

/**
 * Share of the session timeout between an answer of the leader and the next `sync`. While the leader answers, half of the session timeout
 * is left.
 */
const PROOF_SHARE = 0.125;

/**
 * The time for which the session is certainly alive on the server.
 *
 * The server ends a session one timeout T after the last packet that the server received from the client. In an ensemble only the leader
 * ends sessions. A follower reports its clients to the leader up to half a tick later. A follower answers reads and pings itself, even when
 * the leader is paused or cut off from the follower. Sessions can therefore be about to expire while their clients still get answers.
 *
 * So only two answers count here. The first is the answer to the handshake, which the leader has seen. The second is the answer to a
 * `sync`. The leader sends that answer after all of its earlier decisions, including the ends of sessions. The answer therefore proves a
 * fact about every packet that was answered T/4 before: the packet had been reported to a leader that had not ended the session. The
 * session lives at least until T after such a packet. The client does not know when a packet arrived at the server. The client therefore
 * counts T from the moment at which the packet was *sent*, and T/4 from the moment at which the packet was *answered*. Pure: each method
 * receives the moments that it needs.
 *
 * A leader that has lost its followers answers a `sync` for up to one tick more. The time that is held back covers this tick, too, only if
 * the session timeout is three ticks or more. Servers allow a session timeout of two ticks.
 */
export class Validity {
  #timeoutMs = 0;
  /** The moment at which the client sent the newest packet that certainly prolonged the session; `null` when there is none. */
  #proven: Moment | null = null;
  /** Packets that were answered and may not have been reported to the leader yet, oldest first. */
  #unreported: { readonly sentAt: Moment; readonly answeredAt: Moment }[] = [];

  /** Starts again after an accepted handshake, which the client sent at `sentAt`. */
  restart(sentAt: Moment, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#proven = sentAt;
    this.#unreported = [];
  }

  /** Notes that the session is over, or that the session does not count because a read-only server invented it. */
  stop(): void {
    this.#proven = null;
    this.#unreported = [];
  }

  /** Notes that the leader has answered a `sync`. */
  prove(sentAt: Moment, answeredAt: Moment): void {
    if (this.#proven === null) return;
    this.#unreported.push({ sentAt, answeredAt });
    // The monotonic clock never jumps, so no packet appears older than it is.
    const reportedBefore = sentAt.monotonicMs - this.#timeoutMs * REPORT_SHARE;
    for (let oldest = this.#unreported[0]; oldest !== undefined; oldest = this.#unreported[0]) {
      if (oldest.answeredAt.monotonicMs > reportedBefore) return;
      this.#proven = oldest.sentAt;
      this.#unreported.shift();
    }
  }

  /** Milliseconds from the answer to one `sync` until the next `sync` is due. */
  get proofIntervalMs(): number {
    return this.#timeoutMs * PROOF_SHARE;
  }

  /** Returns the milliseconds for which the session is certainly alive; 0 when this time is over or was never known. */
  validForMs(now: Moment): number {
    if (this.#proven === null) return 0;
    return Math.max(0, this.#timeoutMs * (1 - MARGIN_SHARE) - elapsedSince(this.#proven, now));
  }
}
