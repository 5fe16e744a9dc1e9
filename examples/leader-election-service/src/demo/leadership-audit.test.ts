import { describe, expect, it } from 'vitest';
import type { JournalEntry, JournalEvent } from '../journal.js';
import type { LedgerEntry } from '../service/ledger.js';
import { auditLeadership, type ProcessJournal } from './leadership-audit.js';

function journal(process: string, ...entries: readonly (readonly [at: number, event: JournalEvent])[]): ProcessJournal {
  return { process, entries: entries.map(([at, event]): JournalEntry => ({ ...event, at, wall: '' })) };
}

const elected = (token: string, validForMs: number): JournalEvent => ({ event: 'elected', token, validForMs });
const held = (token: string, validForMs: number): JournalEvent => ({ event: 'held', token, validForMs });
const deposed = (token: string, reason = 'validity'): JournalEvent => ({ event: 'deposed', token, reason });
const begun = (token: string, period: number, validForMs = 0): JournalEvent => {
  return { event: 'begun', token, period, validForMs };
};
const committed = (token: string, period: number): JournalEvent => ({ event: 'committed', token, period });
const refused = (token: string, period: number): JournalEvent => ({ event: 'refused', token, period, why: 'gone' });

function written(czxid: bigint, token: string, period: number): LedgerEntry {
  return { czxid, token, period, by: 'a', units: 1 };
}

describe('reigns', () => {
  it('last from the election to the end of the last promise', () => {
    const a = journal('a', [100, elected('5', 50)], [120, held('5', 50)], [130, begun('5', 1, 60)]);
    expect(auditLeadership([a], []).reigns).toEqual([{ process: 'a', token: 5n, fromMs: 100, untilMs: 190 }]);
  });

  it('end when the process knows that it is deposed', () => {
    const a = journal('a', [100, elected('5', 50)], [120, deposed('5')]);
    expect(auditLeadership([a], []).reigns).toEqual([{ process: 'a', token: 5n, fromMs: 100, untilMs: 120 }]);
  });

  it('are not stretched by learning late, nor by a look at a clock that says 0', () => {
    const a = journal('a', [100, elected('5', 50)], [900, begun('5', 1, 0)], [910, deposed('5')]);
    expect(auditLeadership([a], []).reigns).toEqual([{ process: 'a', token: 5n, fromMs: 100, untilMs: 150 }]);
  });

  it('are one each of the tenures of a process', () => {
    const a = journal('a', [100, elected('5', 50)], [120, deposed('5')], [300, elected('9', 50)]);
    expect(auditLeadership([a], []).reigns.map(({ token }) => token)).toEqual([5n, 9n]);
  });
});

describe('overlaps', () => {
  it('are none when one reign ends before the next begins', () => {
    const a = journal('a', [100, elected('5', 50)], [120, deposed('5', 'released')]);
    const b = journal('b', [120, elected('6', 50)]);
    expect(auditLeadership([a, b], []).overlaps).toEqual([]);
  });

  it('are found when a promise of the one outlasts the election of the other', () => {
    const a = journal('a', [100, elected('5', 50)], [140, held('5', 50)]);
    const b = journal('b', [180, elected('6', 50)]);
    const { overlaps } = auditLeadership([b, a], []);
    expect(overlaps).toMatchObject([{ earlier: { process: 'a' }, later: { process: 'b' }, ms: 10 }]);
  });

  it('are found when a paused process still believes after it goes on', () => {
    const a = journal('a', [100, elected('5', 50)], [900, held('5', 1)], [901, deposed('5')]);
    const b = journal('b', [500, elected('6', 50)], [540, deposed('6')]);
    expect(auditLeadership([a, b], []).overlaps).toMatchObject([{ ms: 40 }]);
  });

  it('are found when a process believes again after it was deposed', () => {
    const a = journal('a', [100, elected('5', 50)], [120, deposed('5')], [210, held('5', 50)]);
    const b = journal('b', [200, elected('6', 100)]);
    expect(auditLeadership([a, b], []).overlaps).toMatchObject([{ ms: 60 }]);
  });

  it('are counted by pairs', () => {
    const journals = ['5', '6', '7'].map((token) => journal(token, [100, elected(token, 50)]));
    expect(auditLeadership(journals, []).overlaps).toHaveLength(3);
  });
});

describe('stale writes', () => {
  const a = journal('a', [100, elected('5', 50)], [110, begun('5', 1, 40)], [120, committed('5', 1)]);
  const b = journal('b', [200, elected('6', 50)], [210, begun('6', 2, 40)], [220, committed('6', 2)]);

  it('are none when tokens grow in the order of the commits', () => {
    const ledger = [written(11n, '5', 1), written(12n, '6', 2), written(13n, '6', 3)];
    expect(auditLeadership([a, b], ledger).staleWrites).toEqual([]);
  });

  it('are found by the order of the commits, in whatever order they are read', () => {
    const ledger = [written(13n, '5', 3), written(11n, '5', 1), written(12n, '6', 2)];
    expect(auditLeadership([a, b], ledger).staleWrites).toMatchObject([{ period: 3 }]);
  });

  it('are found when one was refused and is in the ledger', () => {
    const late = journal('c', [90, elected('4', 5)], [91, begun('4', 1)], [230, refused('4', 1)]);
    const ledger = [written(10n, '4', 1), written(11n, '5', 2)];
    expect(auditLeadership([a, b, late], ledger).staleWrites).toMatchObject([{ process: 'c', period: 1 }]);
  });

  it.each([
    ['committed', [{ process: 'c', period: 3 }]],
    ['abandoned', [{ process: 'c', period: 3 }]],
    ['refused', []],
  ] as const)('are found when a run was begun after a newer election and %s', (event, found) => {
    const outcome: JournalEvent = event === 'refused' ? refused('4', 3) : { event, token: '4', period: 3 };
    const late = journal('c', [90, elected('4', 5)], [230, begun('4', 3)], [240, outcome]);
    expect(auditLeadership([a, b, late], []).staleWrites).toMatchObject(found);
  });

  it('are found when such a run has no recorded end', () => {
    const late = journal('c', [90, elected('4', 5)], [230, begun('4', 3)]);
    expect(auditLeadership([a, b, late], []).staleWrites).toHaveLength(1);
  });
});
