import type { Audit } from './leadership-audit.js';
import type { Measurements } from './scenario.js';
import type { Screen } from './timeline.js';

/** What the demo's last line says. Times are in whole milliseconds. */
export interface DemoResult {
  /** `RESULT {…}` */
  readonly line: string;
  /** Neither two leaders at a time, nor a write of one that was deposed. */
  readonly isSafe: boolean;
  /** Safe, and the next leader was there in time. */
  readonly isGood: boolean;
}

/** How much longer than the session timeout a fail-over may take: the server ends sessions by the tick. */
const FAILOVER_MARGIN_MS = 1_000;

/** What there is to say of a fail-over that took too long; `null` where it did not. */
export function explainDelay({ failoverMs, sessionTimeoutMs }: Measurements): string | null {
  if (failoverMs <= sessionTimeoutMs + FAILOVER_MARGIN_MS) return null;
  return `Fail-over took longer than the session timeout and ${FAILOVER_MARGIN_MS} ms. A server ends sessions at its ticks \
only, up to one tick late: a tickTime of 2000 ms, the default of many, takes up to 1000 ms longer than is allowed here.`;
}

/** Puts together what was measured and what the audit found. */
export function judge(measured: Measurements, { overlaps, staleWrites }: Audit, server: string): DemoResult {
  const { sessionTimeoutMs } = measured;
  const handoverMs = Math.round(measured.handoverMs);
  const failoverMs = Math.round(measured.failoverMs);
  const isSafe = overlaps.length === 0 && staleWrites.length === 0;
  const counted = { overlaps: overlaps.length, staleWrites: staleWrites.length };
  return {
    line: `RESULT ${JSON.stringify({ handoverMs, failoverMs, sessionTimeoutMs, ...counted, server })}`,
    isSafe,
    isGood: isSafe && explainDelay(measured) === null,
  };
}

/** Tells for people what the audit is made of. */
export function tellAudit({ reigns, overlaps, staleWrites }: Audit, { print }: Screen): void {
  const zeroMs = reigns[0]?.fromMs ?? 0;
  const seconds = (ms: number) => ((ms - zeroMs) / 1_000).toFixed(3).padStart(7);
  print('\nWho was certain to lead, and when, in seconds, by the journals:');
  for (const { process, token, fromMs, untilMs } of reigns) {
    print(`${seconds(fromMs)} to ${seconds(untilMs)}  ${process.padEnd(19)}  token ${token}`);
  }
  for (const { earlier, later, ms } of overlaps) {
    print(
      `TWO LEADERS for ${ms.toFixed(1)} ms: ${earlier.process} (${earlier.token}), ${later.process} (${later.token})`,
    );
  }
  for (const { process, period, what } of staleWrites) print(`STALE WRITE by ${process}, period ${period}: ${what}`);
  print('');
}
