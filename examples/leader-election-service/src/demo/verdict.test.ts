import { describe, expect, it } from 'vitest';
import type { Audit } from './leadership-audit.js';
import { explainDelay, judge } from './verdict.js';

const measured = { handoverMs: 11.6, failoverMs: 2_100.2, sessionTimeoutMs: 2_000 };
const clean: Audit = { reigns: [], overlaps: [], staleWrites: [] };

describe('judge', () => {
  it('puts what was measured and counted into one line', () => {
    expect(judge(measured, clean, '3.8.0 standalone')).toEqual({
      line: 'RESULT {"handoverMs":12,"failoverMs":2100,"sessionTimeoutMs":2000,"overlaps":0,"staleWrites":0,"server":"3.8.0 standalone"}',
      isSafe: true,
      isGood: true,
    });
  });

  it('finds fault with a stale write', () => {
    const stale = { ...clean, staleWrites: [{ process: 'a', period: 1, what: 'late' }] };
    expect(judge(measured, stale, '')).toMatchObject({ isSafe: false, isGood: false });
  });

  it('finds fault with two leaders', () => {
    const reign = { process: 'a', token: 1n, fromMs: 0, untilMs: 1 };
    const double = { ...clean, overlaps: [{ earlier: reign, later: reign, ms: 1 }] };
    expect(judge(measured, double, '')).toMatchObject({ isSafe: false, isGood: false });
  });

  it('finds fault with a fail-over of more than the session timeout and a second', () => {
    expect(judge({ ...measured, failoverMs: 3_000 }, clean, '').isGood).toBe(true);
    const slow = { ...measured, failoverMs: 3_001 };
    expect(judge(slow, clean, '')).toMatchObject({ isSafe: true, isGood: false });
    expect(explainDelay(slow)).toContain('tick');
  });
});
