import { describe, expect, it } from 'vitest';
import { messageOf } from './message-of.js';

describe('messageOf', () => {
  const throwing = (): never => {
    throw new Error('asked');
  };

  it.each<[string, unknown, string | RegExp]>([
    ['an error', new Error('no stock'), 'no stock'],
    ['an error without a message', new RangeError(), 'RangeError'],
    ['an object with a message', { message: 'no stock' }, 'no stock'],
    ['a string', 'no stock', 'no stock'],
    ['an empty string', '', "''"],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a number', 7, '7'],
    ['a bigint', 7n, '7n'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), /Object/],
    ['an error whose message is an object', Object.assign(new Error(), { message: { a: 1 } }), /a: 1/],
    ['an error whose message is an array', Object.assign(new Error(), { message: [1, 2] }), /1, 2/],
    ['an error whose message is null', Object.assign(new Error(), { message: null }), /null/],
    ['an error whose message is a number', Object.assign(new Error(), { message: 5 }), /5/],
    [
      'an error whose message throws',
      Object.defineProperty(new Error('x'), 'message', { get: throwing }),
      /^object that cannot be described$/,
    ],
    ['an object whose toString throws', { toString: throwing }, /toString/],
    ['a proxy that throws', new Proxy({}, { has: throwing, get: throwing }), /^object that cannot be described$/],
  ])('describes %s', (_, thrown, expected) => {
    const message = messageOf(thrown);
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
    expect(message).not.toBe('');
  });

  it('cuts what is longer than 1,000 characters', () => {
    expect(messageOf(new Error('x'.repeat(1_001)))).toBe(`${'x'.repeat(1_000)}…`);
    expect(messageOf(new Error('x'.repeat(1_000)))).toBe('x'.repeat(1_000));
  });
});
