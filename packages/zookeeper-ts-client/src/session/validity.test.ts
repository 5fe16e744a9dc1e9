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
    validity.acknowledge(at(1), at(2));
    expect(validity.validForMs(at(2))).toBe(0);
    validity.restart(at(5), T);
    validity.stop();
    expect(validity.validForMs(at(5))).toBe(0);
  });

  it('lasts from when the newest acknowledged request was sent, less a tenth of the timeout', () => {
    const validity = started();
    expect(validity.validForMs(at(0))).toBe(5400);
    expect(validity.validForMs(at(2000))).toBe(3400);
    validity.acknowledge(at(2000), at(2100));
    expect(validity.validForMs(at(2100))).toBe(5300);
    expect(validity.validForMs(at(7399))).toBe(1);
    expect(validity.validForMs(at(7400))).toBe(0);
    expect(validity.validForMs(at(99_999))).toBe(0);
  });

  it('never goes back for an acknowledgement that comes late', () => {
    const validity = started();
    validity.acknowledge(at(3000), at(3001));
    validity.acknowledge(at(1000), at(3002));
    expect(validity.validForMs(at(3002))).toBe(5398);
  });

  it('takes the larger elapsed time of the two clocks', () => {
    const validity = started();
    // The machine was suspended: one clock stood still.
    expect(validity.validForMs({ monotonicMs: 10, wallMs: 1_000_000 + 6000 })).toBe(0);
    // Somebody set the wall clock back.
    expect(validity.validForMs({ monotonicMs: 1000, wallMs: 0 })).toBe(4400);
  });

  it('believes a follower up to a silence of three quarters of the timeout', () => {
    const validity = started();
    validity.acknowledge(at(4500), at(4500));
    expect(validity.proofDueInMs(at(4500))).toBeNull();
    expect(validity.validForMs(at(4500))).toBe(5400);
  });

  it.each([
    ['sent', 4501, 4501],
    ['answered', 3000, 4501],
  ])('believes none when the next request was %s after more than that', (_, sentMs, heardMs) => {
    const validity = started();
    validity.acknowledge(at(sentMs), at(heardMs));
    expect(validity.validForMs(at(heardMs))).toBe(5400 - heardMs);
    expect(validity.proofDueInMs(at(heardMs))).toBe(T / 4);
    validity.acknowledge(at(heardMs + 100), at(heardMs + 200));
    expect(validity.validForMs(at(heardMs + 200))).toBe(5400 - heardMs - 200);
  });

  it('goes on after the word of the leader, asked when the follower must have reported', () => {
    const validity = started();
    validity.acknowledge(at(5000), at(5010));
    expect(validity.proofDueInMs(at(5010))).toBe(1500);
    expect(validity.proofDueInMs(at(6000))).toBe(510);
    validity.prove(at(6509), at(6520));
    expect(validity.validForMs(at(6520))).toBe(0);
    expect(validity.proofDueInMs(at(6520))).toBe(0);
    validity.prove(at(6530), at(6540));
    expect(validity.proofDueInMs(at(6540))).toBeNull();
    expect(validity.validForMs(at(6540))).toBe(5390);
  });

  it('begins anew when there is another long silence before that', () => {
    const validity = started();
    validity.acknowledge(at(5000), at(5000));
    validity.acknowledge(at(10_000), at(10_000));
    validity.prove(at(10_001), at(10_002));
    expect(validity.validForMs(at(10_002))).toBe(0);
    validity.prove(at(11_500), at(11_501));
    expect(validity.validForMs(at(11_501))).toBe(5399);
  });
});

/**
 * A client that talks to a follower, and the leader, which alone ends sessions, as early as it may. The follower answers
 * pings by itself and reports each within T/4; a `sync` goes on to the leader, which answers unless it has ended the session.
 */
class Ensemble {
  readonly validity: Validity = new Validity();
  /** When the leader ends the session unless a report comes before. */
  #expiresMs = T;
  #reports: { readonly touchedMs: number; readonly dueMs: number }[] = [];

  constructor() {
    this.validity.restart(at(0), T);
  }

  /** Lets the leader see all reports up to a moment. */
  leaderAt(ms: number): 'alive' | 'ended' {
    for (const { dueMs } of this.#reports.filter((report) => report.dueMs <= ms).sort((a, b) => a.dueMs - b.dueMs)) {
      if (dueMs < this.#expiresMs) this.#expiresMs = Math.max(this.#expiresMs, dueMs + T);
    }
    this.#reports = this.#reports.filter((report) => report.dueMs > ms);
    return ms < this.#expiresMs ? 'alive' : 'ended';
  }

  ping(sentMs: number, arrivesMs: number, heardMs: number, reportMs: number): void {
    this.#reports.push({ touchedMs: arrivesMs, dueMs: arrivesMs + reportMs });
    this.validity.acknowledge(at(sentMs), at(heardMs));
  }

  sync(sentMs: number, arrivesMs: number, heardMs: number, reportMs: number): void {
    this.#reports.push({ touchedMs: arrivesMs, dueMs: arrivesMs + reportMs });
    if (this.leaderAt(arrivesMs) === 'alive') this.validity.prove(at(sentMs), at(heardMs));
  }
}

describe('Validity, on a follower whose leader hears of its clients late', () => {
  const step = fc.record({
    pauseMs: fc.oneof(fc.nat(T), fc.nat(T / 4), fc.integer({ min: 4000, max: 5000 })),
    outMs: fc.oneof(fc.nat(20), fc.nat(T)),
    backMs: fc.oneof(fc.nat(20), fc.nat(T / 2)),
    reportMs: fc.oneof(fc.nat(T / 4), fc.constant(T / 4)),
    isSync: fc.boolean(),
  });

  it('is never positive once the leader could have ended the session', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const ensemble = new Ensemble();
        let nowMs = 0;
        for (const { pauseMs, outMs, backMs, reportMs, isSync } of steps) {
          const sentMs = nowMs + pauseMs;
          const arrivesMs = sentMs + outMs;
          nowMs = arrivesMs + backMs;
          if (isSync) ensemble.sync(sentMs, arrivesMs, nowMs, reportMs);
          else ensemble.ping(sentMs, arrivesMs, nowMs, reportMs);
          const lastMs = nowMs + ensemble.validity.validForMs(at(nowMs));
          // The leader is looked at up to the last moment at which the client believes in its session.
          if (lastMs > nowMs && ensemble.leaderAt(lastMs) === 'ended') {
            throw new Error(`the leader ended the session by ${lastMs}`);
          }
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
