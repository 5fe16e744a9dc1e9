import { describe, expect, it } from 'vitest';
import { offencesIn } from './check-history.js';
import type { Held, History, Limit, Presence, Refusal } from './history.js';

const LINE = '/line';

function hold(contender: string, number: number, from: number, to: number, more: Partial<Held> = {}): Held {
  const path = `${LINE}/${contender}-${more.mode ?? 'exclusive'}-${number}`;
  const token = BigInt(100 + number);
  return {
    contender,
    line: LINE,
    mode: 'exclusive',
    permits: 1,
    token,
    number,
    paths: [path],
    asked: 0,
    from,
    to,
    ...more,
  };
}

/** A history in which all znodes stood for as long as they were believed in, and a little longer. */
function history(held: readonly Held[], more: Partial<History> = {}): History {
  const presences = held.flatMap(({ paths, line, from, to }) =>
    paths.map((path): Presence => ({ path, line, from: from - 1, to: to + 1 })),
  );
  return { held, presences, refusals: [], limits: [], ...more };
}

const A = `${LINE}/a-exclusive-1`;
const shared = { mode: 'shared' } as const;
const lease = (permits: number): Partial<Held> => ({ mode: 'lease', permits });
const limit = (leases: number, from = 0, to = Number.POSITIVE_INFINITY): Limit => ({ line: LINE, leases, from, to });
const refusal = (permits = 1): Refusal => ({ contender: 'c', lines: [LINE], permits, from: 10, to: 20 });

describe('a history without fault', () => {
  it.each<[string, History]>([
    ['one after the other', history([hold('a', 1, 1, 5), hold('b', 2, 6, 9)])],
    ['other lines', history([hold('a', 1, 1, 5), hold('b', 2, 2, 9, { line: '/other' })])],
    ['readers together, in any order', history([hold('a', 3, 1, 9, shared), hold('b', 2, 2, 8, shared)])],
    ['a writer after readers', history([hold('a', 1, 1, 4, shared), hold('b', 2, 2, 5, shared), hold('c', 3, 6, 9)])],
    ['a downgrade', history([hold('a', 1, 1, 5), hold('a', 1, 5, 9, shared), hold('b', 2, 9, 12)])],
    [
      'leases within their number',
      history([hold('a', 1, 1, 9, lease(2)), hold('b', 2, 2, 8, lease(1))], { limits: [limit(3)] }),
    ],
    [
      'a number of leases made smaller',
      history([hold('a', 1, 1, 9, lease(2)), hold('b', 2, 6, 8, lease(1))], { limits: [limit(3, 0, 5), limit(1, 4)] }),
    ],
    ['one that was dead when it was granted', history([hold('a', 2, 1, 9), hold('b', 1, 3, 3)])],
    [
      'a refusal while others hold',
      history([hold('a', 1, 1, 15)], {
        presences: [presence(A, 0, 16), presence('/line/lock-2', 11, 19)],
        refusals: [refusal()],
      }),
    ],
    ['a refusal for lack of leases', history([], { refusals: [refusal(3)], limits: [limit(2)] })],
  ])('has %s', (_, given) => {
    expect(offencesIn(given)).toEqual([]);
  });
});

describe('a broken history', () => {
  it.each<[string, string, History]>([
    ['overlap', 'two who hold alone', history([hold('a', 1, 1, 5), hold('b', 2, 4, 9)])],
    ['overlap', 'one that never lets go', history([hold('a', 1, 1, Number.POSITIVE_INFINITY), hold('b', 2, 4, 9)])],
    ['overlap', 'a writer beside a reader', history([hold('a', 1, 1, 5, shared), hold('b', 2, 4, 9)])],
    ['overlap', 'a reader beside a writer', history([hold('a', 1, 1, 5), hold('b', 2, 4, 9, shared)])],
    [
      'overlap',
      'a writer beside one who was a writer',
      history([hold('a', 1, 1, 3), hold('a', 1, 3, 9, shared), hold('b', 2, 4, 8)]),
    ],
    [
      'excess',
      'a lease too many',
      history([hold('a', 1, 1, 9, lease(2)), hold('b', 2, 2, 8, lease(2))], { limits: [limit(3)] }),
    ],
    [
      'excess',
      'more than there have been since it was asked for',
      history([hold('a', 1, 8, 9, { ...lease(2), asked: 6 })], {
        limits: [limit(3, 0, 5), limit(1, 4)],
      }),
    ],
    ['disorder', 'one that got past another', history([hold('a', 2, 1, 3, { token: 1n }), hold('b', 1, 4, 9)])],
    ['disorder', 'a writer past a reader', history([hold('a', 2, 1, 3, { token: 1n }), hold('b', 1, 4, 9, shared)])],
    ['disorder', 'one number for two', history([hold('a', 1, 1, 3), hold('b', 1, 4, 9, { token: 150n })])],
    [
      'disorder',
      'a lease past another',
      history([hold('a', 2, 1, 3, { ...lease(1), token: 7n }), hold('b', 1, 4, 9, { ...lease(1), token: 8n })], {
        limits: [limit(3)],
      }),
    ],
    [
      'token regression',
      'a smaller token',
      history([hold('a', 1, 1, 3, { token: 9n }), hold('b', 2, 4, 9, { token: 8n })]),
    ],
    [
      'token regression',
      'a writer after a reader with a larger token',
      history([hold('a', 1, 1, 5), hold('a', 1, 5, 9, { ...shared, token: 150n }), hold('b', 2, 9, 12)]),
    ],
    [
      'token regression',
      'the same token',
      history([hold('a', 1, 1, 3, { token: 9n }), hold('b', 2, 4, 9, { token: 9n })]),
    ],
    ['unfounded', 'belief beyond the znode', history([hold('a', 1, 1, 5)], { presences: [presence(A, 0, 4)] })],
    ['unfounded', 'belief before the znode', history([hold('a', 1, 1, 5)], { presences: [presence(A, 2, 9)] })],
    [
      'unfounded',
      'belief without one of several znodes',
      history([hold('a', 1, 1, 5, { paths: [A, '/b'] })], {
        presences: [presence(A, 0, 9)],
      }),
    ],
    [
      'groundless refusal',
      'nobody else in the line',
      history([], {
        refusals: [refusal()],
        presences: [presence('/line/lock-1', 0, 9), presence('/line/lock-2', 11, 19), presence('/line/lock-3', 21, 29)],
      }),
    ],
    ['groundless refusal', 'leases enough', history([], { refusals: [refusal(2)], limits: [limit(2)] })],
  ])('is caught: %s, %s', (kind, _, given) => {
    const offences = offencesIn(given);
    expect(offences.length).toBeGreaterThan(0);
    expect(offences.filter((offence) => !offence.startsWith(kind))).toEqual([]);
  });
});

function presence(path: string, from: number, to: number): Presence {
  return { path, line: LINE, from, to };
}
