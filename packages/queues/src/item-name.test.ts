import { validatePath } from '@zk-recipes/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byDueTime,
  byPriority,
  dueTimeName,
  hasId,
  idName,
  inOrder,
  isItem,
  nameToRenew,
  plainName,
  priorityName,
  splitName,
  withId,
} from './item-name.js';

const numbered = (name: string, number = 0): string => `${name}${String(number).padStart(10, '0')}`;

describe('names of items', () => {
  it.each([
    [0, 'queue-100000000'],
    [5, 'queue-100000005'],
    [-1, 'queue-0FFFFFFFF'],
    [2 ** 31 - 1, 'queue-17FFFFFFF'],
    [-(2 ** 31), 'queue-080000000'],
  ])('have the priority %d as Curator writes it', (priority, name) => {
    expect(priorityName(priority)).toBe(name);
    expect(byPriority.labelOf(numbered(name)).priority).toBe(priority);
  });

  it('are in the order of their priorities', () => {
    const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(int32, int32, (one, other) => {
        const [first, second] = [one, other].map((priority) => byPriority.keyOf(numbered(priorityName(priority))));
        expect((first as string) < (second as string)).toBe(one < other);
        expect(byPriority.labelOf(numbered(priorityName(one))).priority).toBe(one);
      }),
    );
  });

  it('that Curator has requeued have no priority, and go before all that are not negative', () => {
    const requeued = 'queue-0000000001';
    expect(byPriority.labelOf(requeued).priority).toBe(0);
    expect(byPriority.keyOf(requeued) < byPriority.keyOf(numbered(priorityName(0)))).toBe(true);
  });

  it('have the time at which they are due as Curator writes it', () => {
    expect(dueTimeName(1_700_000_000_000)).toBe('queue-|18BCFE56800|');
    expect(dueTimeName(255)).toBe('queue-|000000FF|');
    expect(byDueTime.labelOf('queue-|18BCFE56800|0000000000').dueAtMs).toBe(1_700_000_000_000);
    for (const odd of ['queue-0000000001', 'queue-|x|0000000001', 'queue-||0000000001', 'queue-|']) {
      expect(byDueTime.labelOf(odd).dueAtMs).toBe(0);
    }
    expect(byDueTime.labelOf('queue-|FFFFFFFFFFFFFFFF|0').dueAtMs).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('are in the order of their times, as numbers', () => {
    const moments = fc.integer({ min: 0, max: 2 ** 45 });
    fc.assert(
      fc.property(moments, moments, (one, other) => {
        const [first, second] = [one, other].map((atMs) => byDueTime.keyOf(numbered(dueTimeName(atMs))));
        expect((first as string) < (second as string)).toBe(one < other);
      }),
    );
  });

  it('have ids of what can stand in a name, and do not go by them', () => {
    expect(idName('a/b|c')).toBe('queue-|a_b_c|');
    expect(withId.labelOf(numbered(idName('a/b|c'))).id).toBe('a_b_c');
    expect(withId.labelOf('queue-0000000001').id).toBeNull();
    expect(withId.keyOf(numbered(idName('z'), 1)) < withId.keyOf(numbered(idName('a'), 2))).toBe(true);
  });

  it('have any id, encoded where no path may have it, and read as Curator writes it where Curator can', () => {
    const unfit = ['\u0000', '\n', '\u007f', '\u{1f600}', '\ud800', '\udc00', '\ue000', '\ufff0', '\ufffd', '\uffff'];
    for (const id of unfit) {
      const name = numbered(idName(`a${id}b`));
      expect(() => validatePath(`/${name}`)).not.toThrow();
      expect(withId.labelOf(name).id).toBe(`a${id}b`);
    }
    expect(idName('a\nb')).toBe('queue-|a%u000Ab|');
    expect(idName('100% %u12 ü')).toBe('queue-|100% %u12 ü|');
    const ids = fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.replace(/[/|]/g, '_'));
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        const name = numbered(idName(one));
        validatePath(`/${name}`);
        expect(withId.labelOf(name).id).toBe(one);
        expect([hasId(name, one), hasId(name, other)]).toEqual([true, one === other]);
        expect(nameToRenew(name)).toBe(idName(one));
      }),
      { examples: [['%u0041', 'A']] },
    );
    // Curator encodes nothing: what it has written is found by the id that it was given.
    expect(hasId(numbered('queue-|%u0041|'), '%u0041')).toBe(true);
    expect(hasId(numbered('queue-|a_b|'), 'a/b')).toBe(true);
  });

  it('of what was split follow the first directly', () => {
    const [first, next] = [numbered(plainName(), 5), numbered(plainName(), 6)];
    const names = [
      first,
      splitName(first, 1),
      splitName(first, 2),
      splitName(splitName(first, 2), 1),
      splitName(first, 10),
      next,
    ];
    expect(names.map((name) => inOrder.keyOf(name)).sort()).toEqual(names);
    const urgent = numbered(priorityName(-7));
    expect(byPriority.labelOf(splitName(urgent, 3)).priority).toBe(-7);
    expect(byDueTime.labelOf(splitName(numbered(dueTimeName(99)), 3)).dueAtMs).toBe(99);
  });

  it('are renewed without their numbers', () => {
    for (const name of [plainName(), priorityName(-3), dueTimeName(12), idName('x')]) {
      expect(nameToRenew(numbered(name, 7))).toBe(name);
      expect(nameToRenew(splitName(numbered(name, 7), 2))).toBe(name);
    }
    expect(nameToRenew('queue-odd')).toBe('queue-');
  });

  it('are told from others by their beginning', () => {
    expect(['queue-0000000000', 'queue-', 'queue', 'qn-0000000000', ''].map(isItem)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
