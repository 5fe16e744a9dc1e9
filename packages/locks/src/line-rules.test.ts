import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOCK, markerFor, mutexRule, permitsOf, READ, readRule, WRITE, writeRule } from './line-rules.js';

const uuid = '8a1b2c3d-0000-4000-8000-123456789012';
const protectedName = (marker: string, number: number): string =>
  `_c_${uuid}-${marker}${String(number).padStart(10, '0')}`;
const [lock, read, write] = [LOCK, READ, WRITE].map((marker) => (number: number) => protectedName(marker, number)) as [
  (number: number) => string,
  (number: number) => string,
  (number: number) => string,
];

/** A line of those who want it in one of these ways, in any order, with foreign znodes in between. */
function lines(markers: readonly string[]): fc.Arbitrary<string[]> {
  const numbered = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.constantFrom(...markers)), {
      selector: ([number]) => number,
      maxLength: 12,
    })
    .map((found) => found.map(([number, marker]) => protectedName(marker, number)));
  const foreign = fc.uniqueArray(fc.constantFrom('zfoo', '_foo', '0foo', '0000000000', '-foo', '!foo'), {
    maxLength: 3,
  });
  return fc
    .tuple(numbered, foreign)
    .chain(([own, others]) => fc.shuffledSubarray([...own, ...others], { minLength: own.length + others.length }));
}

describe('the line of a mutex', () => {
  it('is in the order of the numbers, whatever stands before them', () => {
    const names = [lock(10), `other-${LOCK}0000000002`, lock(1), `${LOCK}0000000000`];
    expect(mutexRule.inOrder(names)).toEqual([names[3], names[2], names[1], names[0]]);
  });

  it('passes over children that no server can have numbered, and takes other foreign names by the whole of them, as Curator does', () => {
    expect(mutexRule.inOrder(['zfoo', lock(3), '0000000000', LOCK, '_foo', '0', '-1'])).toEqual([
      '0000000000',
      lock(3),
    ]);
    expect(mutexRule.obstacleOf(lock(3), [lock(3), 'zfoo', '_foo', '0foo', '0', '-1', LOCK])).toBeNull();
    expect(mutexRule.obstacleOf(lock(3), [lock(3), '0000000000'])).toEqual({ name: '0000000000', isLast: true });
  });

  it('has everybody wait for the one directly before, who is the last if nobody is before that one', () => {
    const names = [lock(3), lock(1), lock(2)];
    expect(mutexRule.obstacleOf(lock(1), names)).toBeNull();
    expect(mutexRule.obstacleOf(lock(2), names)).toEqual({ name: lock(1), isLast: true });
    expect(mutexRule.obstacleOf(lock(3), names)).toEqual({ name: lock(2), isLast: false });
    expect(mutexRule.obstacleOf(lock(4), names)).toBeUndefined();
  });
});

describe('the line of a read/write lock', () => {
  it('has a reader wait for the nearest writer before it', () => {
    const names = [write(1), read(2), write(3), read(4), write(5)];
    expect(readRule.obstacleOf(read(2), names)).toEqual({ name: write(1), isLast: true });
    expect(readRule.obstacleOf(read(4), names)).toEqual({ name: write(3), isLast: false });
    expect(readRule.obstacleOf(read(4), [read(2), read(4), write(5)])).toBeNull();
    expect(readRule.obstacleOf(read(6), names)).toBeUndefined();
  });

  it('has a writer wait for whoever is before it, who may turn into a reader', () => {
    const names = [read(1), read(2), write(3)];
    expect(writeRule.obstacleOf(write(3), names)).toEqual({ name: read(2), isLast: false });
    expect(writeRule.obstacleOf(write(3), [write(3), read(4)])).toBeNull();
  });

  it('has readers hold up to the first writer, or that writer alone', () => {
    const holding = (names: string[]) => names.slice(0, readRule.holdersOf(names));
    expect(holding([read(1), read(2), write(3), read(4)])).toEqual([read(1), read(2)]);
    expect(holding([write(1), read(2), write(3)])).toEqual([write(1)]);
    expect(holding([])).toEqual([]);
  });
});

describe.each([
  ['a mutex', [LOCK], () => mutexRule],
  ['a read/write lock', [READ, WRITE], (name: string) => (name.includes(WRITE) ? writeRule : readRule)],
] as const)('any line of %s', (_, markers, ruleOf) => {
  const isOwn = (name: string): boolean => markers.some((marker) => name.includes(marker));

  it('has those hold whom nobody keeps waiting, and no others', () => {
    fc.assert(
      fc.property(lines(markers), (names) => {
        const ordered = ruleOf(names[0] ?? '').inOrder(names);
        for (const [index, name] of ordered.entries()) {
          if (!isOwn(name)) continue;
          const rule = ruleOf(name);
          expect(rule.inOrder(names)).toEqual(ordered);
          // A foreign znode in front keeps a writer waiting, and no reader.
          expect(rule.obstacleOf(name, names) === null).toBe(index < rule.holdersOf(ordered));
        }
      }),
    );
  });

  it('has everybody wait for somebody before, so that nobody waits in a circle', () => {
    fc.assert(
      fc.property(lines(markers), (names) => {
        const ordered = ruleOf(names[0] ?? '').inOrder(names);
        for (const name of ordered.filter(isOwn)) {
          const obstacle = ruleOf(name).obstacleOf(name, names);
          if (obstacle === null || obstacle === undefined) continue;
          expect(ordered.indexOf(obstacle.name)).toBeGreaterThanOrEqual(0);
          expect(ordered.indexOf(obstacle.name)).toBeLessThan(ordered.indexOf(name));
        }
      }),
    );
  });

  it('lets one in when its last obstacle is gone', () => {
    fc.assert(
      fc.property(lines(markers), (names) => {
        for (const name of names.filter(isOwn)) {
          const rule = ruleOf(name);
          const obstacle = rule.obstacleOf(name, names);
          const rest = names.filter((other) => other !== obstacle?.name);
          if (obstacle?.isLast) expect(rule.obstacleOf(name, rest)).toBeNull();
        }
      }),
    );
  });

  it('does not depend on the order in which the names are told', () => {
    fc.assert(
      fc.property(lines(markers), (names) => {
        for (const name of names.filter(isOwn)) {
          const rule = ruleOf(name);
          expect(rule.obstacleOf(name, [...names].reverse())).toEqual(rule.obstacleOf(name, names));
        }
      }),
    );
  });
});

describe('permits in a name', () => {
  it('are read as they were written', () => {
    expect(markerFor(1)).toBe(LOCK);
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.nat(2 ** 31 - 1), (id, permits, number) => {
        const name = `_c_${id}-${markerFor(permits)}${String(number).padStart(10, '0')}`;
        expect(permitsOf(name)).toBe(permits);
        expect(mutexRule.inOrder([name, lock(0)]).indexOf(name)).toBe(number > 0 || name > lock(0) ? 1 : 0);
      }),
    );
  });

  it('are one for whoever says nothing, and for foreign names', () => {
    for (const name of [
      lock(7),
      'lock-0000000007',
      'zfoo',
      '',
      'x-lock-0000000007',
      `_c_${uuid}-2-lock-`,
      '-2-lock-0000000007',
    ]) {
      expect(permitsOf(name)).toBe(1);
    }
  });
});
