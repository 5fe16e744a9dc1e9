import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Moment } from './clock.js';
import { Validity } from './validity.js';

const T = 6000;
const at = (ms: number): Moment => ({ monotonicMs: ms, wallMs: 1_000_000 + ms });

function started(): Validity {
  const validity = new Validity();
  validity.restart(at(0), T);
  return validity;
}

describe('Validity', () => {
  it('is over before anything was proven, and after it was stopped', () => {
    const validity = new Validity();
    expect(validity.validForMs(at(0))).toBe(0);
    validity.prove(at(1), at(2));
    validity.prove(at(2000), at(2001));
    expect(validity.validForMs(at(2000))).toBe(0);
    validity.restart(at(5), T);
    validity.stop();
    expect(validity.validForMs(at(5))).toBe(0);
  });

  it('lasts from when the handshake was sent, less a tenth of the timeout', () => {
    const validity = started();
    expect(validity.validForMs(at(0))).toBe(5400);
    expect(validity.validForMs(at(5399))).toBe(1);
    expect(validity.validForMs(at(5400))).toBe(0);
    expect(validity.validForMs(at(99_999))).toBe(0);
  });

  it('is not renewed by a sync itself, but by what was answered a quarter of the timeout before it was sent', () => {
    const validity = started();
    validity.prove(at(1000), at(1010));
    expect(validity.validForMs(at(1010))).toBe(4390);
    validity.prove(at(2509), at(2510));
    expect(validity.validForMs(at(2510))).toBe(2890);
    validity.prove(at(2510), at(2520));
    expect(validity.validForMs(at(2520))).toBe(3880);
  });

  it('stays above half of the timeout while the leader answers in time', () => {
    const validity = started();
    const roundTripMs = 20;
    for (let ms = validity.proofIntervalMs; ms < 10 * T; ms += roundTripMs + validity.proofIntervalMs) {
      validity.prove(at(ms), at(ms + roundTripMs));
      expect(validity.validForMs(at(ms + validity.proofIntervalMs + 2 * roundTripMs))).toBeGreaterThan(T / 2);
    }
  });

  it('takes the larger elapsed time of the two clocks', () => {
    const validity = started();
    // The machine was suspended: one clock stood still.
    expect(validity.validForMs({ monotonicMs: 10, wallMs: 1_000_000 + 6000 })).toBe(0);
    // Somebody set the wall clock back.
    expect(validity.validForMs({ monotonicMs: 1000, wallMs: 0 })).toBe(4400);
  });

  it('does not take a packet for older than it is because the wall clock jumped', () => {
    const validity = started();
    validity.prove(at(1000), at(1001));
    validity.prove({ monotonicMs: 1100, wallMs: 9_000_000 }, { monotonicMs: 1101, wallMs: 9_000_001 });
    expect(validity.validForMs(at(1100))).toBe(4300);
  });
});

/**
 * A client, a follower and the leader, which alone ends sessions, and as early as it may. The follower answers pings by itself
 * and reports within T/4 whom it heard; a `sync` goes on to the leader, behind the reports sent before it, and is answered
 * unless the session was ended. Reports and syncs may be held up for as long as it pleases: the leader is paused, or cut off.
 */
class Ensemble {
  readonly validity: Validity = new Validity();
  /** When the leader ends the session unless it hears of the client before. */
  #expiresMs = T;
  /** Up to when the way to the leader is blocked. */
  #blockedUntilMs = 0;
  #touches: { readonly arrivedMs: number; readonly reportMs: number }[] = [];

  constructor() {
    this.validity.restart(at(0), T);
  }

  block(untilMs: number): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs);
  }

  /** Lets the leader come to a moment. */
  leaderAt(ms: number): 'alive' | 'ended' {
    const due = this.#touches.map(({ arrivedMs, reportMs }) => Math.max(arrivedMs + reportMs, this.#blockedUntilMs));
    for (const reportedMs of due.filter((dueMs) => dueMs <= ms).sort((a, b) => a - b)) {
      if (reportedMs < this.#expiresMs) this.#expiresMs = Math.max(this.#expiresMs, reportedMs + T);
    }
    this.#touches = this.#touches.filter((_, index) => (due[index] ?? 0) > ms);
    return ms < this.#expiresMs ? 'alive' : 'ended';
  }

  packet(arrivedMs: number, reportMs: number): void {
    this.#touches.push({ arrivedMs, reportMs });
  }

  /** Returns when the answer can leave the leader, `null` when it has ended the session. */
  sync(arrivedMs: number, reportMs: number): number | null {
    this.packet(arrivedMs, reportMs);
    const leaderMs = Math.max(arrivedMs, this.#blockedUntilMs);
    return this.leaderAt(leaderMs) === 'alive' ? leaderMs : null;
  }
}

describe('Validity, on a follower whose leader hears of its clients late', () => {
  const step = fc.record({
    pauseMs: fc.oneof(fc.nat(T), fc.nat(T / 4), fc.constant(T / 8)),
    outMs: fc.oneof(fc.nat(20), fc.nat(T)),
    backMs: fc.oneof(fc.nat(20), fc.nat(T / 2)),
    reportMs: fc.oneof(fc.nat(T / 4), fc.constant(T / 4)),
    blockMs: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(2 * T)),
    isSync: fc.boolean(),
  });

  it('is never positive once the leader could have ended the session', () => {
    let believed = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const ensemble = new Ensemble();
        let nowMs = 0;
        for (const { pauseMs, outMs, backMs, reportMs, blockMs, isSync } of steps) {
          const sentMs = nowMs + pauseMs;
          const arrivedMs = sentMs + outMs;
          if (blockMs > 0) ensemble.block(arrivedMs + blockMs);
          nowMs = arrivedMs + backMs;
          if (!isSync) ensemble.packet(arrivedMs, reportMs);
          else {
            const leftMs = ensemble.sync(arrivedMs, reportMs);
            if (leftMs === null) return;
            nowMs = Math.max(nowMs, leftMs + backMs);
            ensemble.validity.prove(at(sentMs), at(nowMs));
          }
          const validForMs = ensemble.validity.validForMs(at(nowMs));
          if (validForMs <= 0) continue;
          believed++;
          // The leader is looked at up to the last moment at which the client believes in its session.
          if (ensemble.leaderAt(nowMs + validForMs - 1) === 'ended')
            throw new Error(`ended before ${nowMs + validForMs}`);
        }
      }),
      { numRuns: 20_000 },
    );
    expect(believed).toBeGreaterThan(1000);
  });
});
