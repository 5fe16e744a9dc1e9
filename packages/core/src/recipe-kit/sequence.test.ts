import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inSequence, isUsedUp, predecessorOf, sequenceKey } from './sequence.js';

const marker = 'lock-';
const uuid = '0f1e2d3c-4b5a-4687-9788-99aabbccddee';

/** Curator's rule, word for word: `StandardLockInternalsDriver.standardFixForSorting` and a stable sort of strings. */
function curatorsOrder(names: readonly string[]): string[] {
  const fixed = (name: string): string => {
    const index = name.lastIndexOf(marker);
    return index >= 0 ? (index + marker.length <= name.length ? name.substring(index + marker.length) : '') : name;
  };
  return [...names].sort((a, b) => (fixed(a) < fixed(b) ? -1 : fixed(a) > fixed(b) ? 1 : 0));
}

const number = fc.integer({ min: 0, max: 2_147_483_647 }).map((n) => String(n).padStart(10, '0'));
const own = fc.tuple(fc.uuid(), number).map(([id, n]) => `_c_${id}-${marker}${n}`);
const foreign = fc.oneof(
  fc.string(),
  number,
  number.map((n) => `${marker}${n}`),
  fc.constantFrom('!foo', '-foo', 'lock-', '0000000000', 'zfoo', '_foo', '0foo', `x${marker}${marker}`),
);
const line = fc.uniqueArray(fc.oneof(own, own, foreign), { maxLength: 30 });

describe('isUsedUp', () => {
  it.each([
    ['0000000000', false],
    ['2147483646', false],
    ['2147483647', true],
    ['-2147483648', true],
    ['-000000001', true],
  ])('%s: %s', (key, usedUp) => {
    expect(isUsedUp(key)).toBe(usedUp);
  });
});

describe('sequence', () => {
  it('takes what follows the last marker for the key, the whole name where there is none', () => {
    expect(sequenceKey(`_c_${uuid}-lock-0000000007`, marker)).toBe('0000000007');
    expect(sequenceKey('lock-lock-1', marker)).toBe('1');
    expect(sequenceKey('lock-', marker)).toBe('');
    expect(sequenceKey('zfoo', marker)).toBe('zfoo');
  });

  it('orders any line as Curator does', () => {
    fc.assert(
      fc.property(line, (names) => {
        // Where keys are equal Curator leaves the order to chance; here the lesser name goes first.
        expect(inSequence(names, marker)).toEqual(curatorsOrder([...names].sort()));
      }),
    );
  });

  it('finds for each name the one that stands directly before it in that order', () => {
    fc.assert(
      fc.property(line, (names) => {
        const order = inSequence(names, marker);
        const found = names.map((name) => predecessorOf(name, names, marker));
        expect(found).toEqual(names.map((name) => order[order.indexOf(name) - 1] ?? null));
      }),
    );
  });

  it('lets exactly one of a line be first, in whatever order the server lists it', () => {
    fc.assert(
      fc.property(
        line.filter((names) => names.length > 0),
        fc.infiniteStream(fc.nat()),
        (names, random) => {
          const shuffled = names
            .map((name) => ({ name, at: random.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ name }) => name);
          const first = (all: readonly string[]) => all.filter((name) => predecessorOf(name, all, marker) === null);
          expect(first(names)).toHaveLength(1);
          expect(first(shuffled)).toEqual(first(names));
        },
      ),
    );
  });

  it.each(['!foo', '-foo', 'lock-', '0000000000'])(
    'lets the foreign child %s block the line, as Curator does',
    (name) => {
      const member = `_c_${uuid}-lock-0000000001`;
      expect(predecessorOf(member, [member, name], marker)).toBe(name);
    },
  );

  it.each(['zfoo', '_foo', '0foo'])('is not bothered by the foreign child %s', (name) => {
    const member = `_c_${uuid}-lock-0000000001`;
    expect(predecessorOf(member, [name, member], marker)).toBeNull();
  });

  it('says that a name is not in the line', () => {
    expect(predecessorOf('lock-1', [], marker)).toBeUndefined();
    expect(predecessorOf('lock-1', ['lock-0', 'lock-2'], marker)).toBeUndefined();
  });
});
