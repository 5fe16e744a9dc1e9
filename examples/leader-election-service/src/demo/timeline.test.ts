import { describe, expect, it } from 'vitest';
import { Timeline } from './timeline.js';

function timelineOn(lines: string[], colours = false): Timeline {
  return new Timeline({ print: (line) => lines.push(line), colours }, 1_000);
}

describe('Timeline', () => {
  it('tells when, who, and what, in columns', () => {
    const lines: string[] = [];
    const timeline = timelineOn(lines);
    timeline.tell(1_001.5, 'begins');
    timeline.show('billing-1', { event: 'elected', token: '7', validForMs: 1, at: 13_345, wall: '' });
    expect(lines).toEqual(['  0.002 s  demo        begins', ' 12.345 s  billing-1   ● leads, fencing token 7']);
  });

  it('tells of the first period at once, and of the others together', () => {
    const lines: string[] = [];
    const timeline = timelineOn(lines);
    for (const period of [4, 5, 6]) {
      timeline.show('billing-1', { event: 'committed', token: '7', period, at: 1_000 + period, wall: '' });
    }
    expect(lines).toEqual(['  0.004 s  billing-1     closes period 4']);
    timeline.tell(1_009, 'ends');
    expect(lines[1]).toBe('  0.005 s  billing-1     closes periods 5 to 6');
  });

  it('is silent about looks at the clock', () => {
    const lines: string[] = [];
    timelineOn(lines).show('billing-1', { event: 'held', token: '7', validForMs: 1, at: 1_000, wall: '' });
    expect(lines).toEqual([]);
  });

  it('colours only when it may', () => {
    const lines: string[] = [];
    timelineOn(lines, true).tell(1_000, 'begins');
    expect(lines[0]).toContain('\u001b[');
  });
});
