import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inSequence, isKnownPlace, isPlaceName, isUsedUp, predecessorOf, sequenceKey } from './sequence.js';

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

  it('orders the places of any line as Curator does', () => {
    fc.assert(
      fc.property(line, (names) => {
        // Where keys are equal Curator leaves the order to chance; here the lesser name goes first.
        expect(inSequence(names, marker)).toEqual(curatorsOrder(names.filter(isPlaceName).sort()));
      }),
    );
  });

  it('finds for each name the one that stands directly before it in that order', () => {
    fc.assert(
      fc.property(line, (names) => {
        const order = inSequence(names, marker);
        const found = order.map((name) => predecessorOf(name, names, marker));
        expect(found).toEqual(order.map((_, index) => order[index - 1] ?? null));
      }),
    );
  });

  it('lets exactly one of a line be first, in whatever order the server lists it', () => {
    fc.assert(
      fc.property(
        line.filter((names) => names.some(isPlaceName)),
        fc.infiniteStream(fc.nat()),
        (names, random) => {
          const shuffled = names
            .map((name) => ({ name, at: random.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ name }) => name);
          const first = (all: readonly string[]) =>
            all.filter((name) => isPlaceName(name) && predecessorOf(name, all, marker) === null);
          expect(first(names)).toHaveLength(1);
          expect(first(shuffled)).toEqual(first(names));
        },
      ),
    );
  });

  it.each(['!foo', '-foo', 'lock-', '0', '-1', '000000000', 'zfoo', '_foo', '0foo'])(
    'passes over the child %s, which no server can have numbered',
    (name) => {
      const member = `_c_${uuid}-lock-0000000001`;
      expect(predecessorOf(member, [name, member], marker)).toBeNull();
      expect(inSequence([name, member], marker)).toEqual([member]);
    },
  );

  it.each([`other-lock-0000000000`, '0000000000'])('takes the child %s for a place', (name) => {
    const member = `_c_${uuid}-lock-0000000001`;
    expect(predecessorOf(member, [member, name], marker)).toBe(name);
  });

  it.each([
    ['_c_8a1b2c3d-0000-4000-8000-123456789012-lock-0000000000', true],
    ['lock-0000000000', true],
    ['8a1b2c3d000040008000123456789012__lock__0000000000', true],
    ['__READ__0000000000', true],
    ['0000000000', false],
    ['invoice-0000000000', false],
  ])('knows the name of a place of Curator, of kazoo and of its own line: %s: %s', (name, isKnown) => {
    expect(isKnownPlace(name, `_c_${uuid}-lock-0000000001`)).toBe(isKnown);
  });

  it('knows the places of a line with another marker', () => {
    expect(isKnownPlace('invoice-0000000000', `_c_${uuid}-invoice-0000000001`)).toBe(true);
  });

  it('says that a name is not in the line', () => {
    expect(predecessorOf('lock-1', [], marker)).toBeUndefined();
    expect(predecessorOf('lock-1', ['lock-0', 'lock-2'], marker)).toBeUndefined();
  });
});
