import { describe, expect, it } from 'vitest';
import { membersAmong, nextAwaited, sawOpening, staysToTheEnd, stillLeft } from './round.js';

describe('a round of a double barrier', () => {
  it('has as members the children with the name of a uuid, in order', () => {
    const [curators, kazoos] = ['8a1b2c3d-0000-4000-8000-123456789012', '7a1b2c3d000040008000123456789012'];
    expect(membersAmong([curators, 'ready', kazoos, 'Ready', '1', 'stage-2'])).toEqual([kazoos, curators]);
    expect(membersAmong(['ready'])).toEqual([]);
    expect(membersAmong([])).toEqual([]);
  });

  it('was opened while those stood there that are older than `ready`', () => {
    const ready = { czxid: 2n ** 40n + 7n };
    expect(sawOpening({ czxid: 2n ** 40n + 6n }, ready)).toBe(true);
    expect(sawOpening({ czxid: 2n ** 40n + 8n }, ready)).toBe(false);
  });

  it('is left last by the lowest', () => {
    expect(staysToTheEnd('a', ['b', 'c'])).toBe(true);
    expect(staysToTheEnd('b', ['a', 'c'])).toBe(false);
    expect(staysToTheEnd('b', [])).toBe(true);
    // As strings, as Java sorts them.
    expect(staysToTheEnd('B', ['a'])).toBe(true);
    expect(staysToTheEnd('9', ['10'])).toBe(false);
  });

  it('has the lowest waited for, and the lowest itself wait from the highest down', () => {
    expect(nextAwaited(['a', 'b', 'c'], false)).toBe('a');
    expect(nextAwaited(['a', 'b', 'c'], true)).toBe('c');
    expect(nextAwaited([], false)).toBeUndefined();
    expect(nextAwaited([], true)).toBeUndefined();
  });

  it('is never joined by who comes later', () => {
    expect(stillLeft(['a', 'b', 'c'], 'c', ['a', 'new'])).toEqual(['a']);
    expect(stillLeft(['a', 'b'], 'b', ['a', 'b'])).toEqual(['a']);
    expect(stillLeft(['a'], 'a', ['b', 'c'])).toEqual([]);
  });
});
