import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from './backlog.js';
import { withId } from './item-name.js';
import { storeOf } from './places.js';

const store = storeOf('/queue');
const START = { monotonicMs: 0, wallMs: 0 };

describe('the order of a backlog', () => {
  it('is that of the names, in whatever order they become known, and whatever goes meanwhile', () => {
    const batches = fc.array(fc.uniqueArray(fc.nat(999), { maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(batches, fc.nat(20), (lists, removed) => {
        const backlog = new Backlog([store], withId);
        const there = new Set<string>();
        for (const list of lists) {
          for (const number of list) {
            const name = `queue-|${number % 7}|${String(number).padStart(10, '0')}`;
            backlog.add(store, name);
            there.add(name);
          }
          for (const name of [...there].slice(0, removed)) {
            backlog.remove(store, name);
            there.delete(name);
          }
          const expected = [...there].sort((one, other) => (withId.keyOf(one) < withId.keyOf(other) ? -1 : 1));
          expect(backlog.size).toBe(there.size);
          expect(backlog.available(there.size + 1, START).items.map(({ name }) => name)).toEqual(expected);
          expect(backlog.size).toBe(there.size);
        }
      }),
    );
  });

  it('does not make room for each of very many that come in no order', () => {
    const backlog = new Backlog([store], withId);
    const count = 100_000;
    // 7,919 is prime to their number: each is met once.
    const names = Array.from(
      { length: count },
      (_, index) => `queue-${String((index * 7_919) % count).padStart(10, '0')}`,
    );
    const startedAt = performance.now();
    for (const name of names) backlog.add(store, name);
    const { items } = backlog.available(count, START);
    // It took ten seconds to do so, and the session was lost meanwhile.
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(items.map(({ name }) => name)).toEqual(names.toSorted());
  });
});
