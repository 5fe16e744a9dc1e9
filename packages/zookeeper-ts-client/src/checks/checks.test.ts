import { describe, expect, it } from 'vitest';
import { received } from './received.js';
import { nearestName, unknownNameHint } from './unknown-name.js';

describe('a value in a message', () => {
  class Foo {}
  const trap = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('trap');
      },
      get: () => {
        throw new Error('trap');
      },
    },
  );
  it.each<[unknown, string]>([
    ['text', "'text'"],
    ["it's\n", '"it\'s\\n"'],
    ['x'.repeat(101), `'${'x'.repeat(100)}'…`],
    [Number.NaN, 'NaN'],
    [-0, '-0'],
    [5n, '5n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [Foo, 'a function'],
    [new Foo(), 'an object of class Foo'],
    [[1, 2], 'an array of 2'],
    [Buffer.from('secret'), 'Buffer of 6 bytes'],
    [new ArrayBuffer(3), 'ArrayBuffer of 3 bytes'],
    [{}, 'an empty object'],
    [Object.create(null), 'an empty object'],
    [{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }, 'an object with `a`, `b`, `c`, `d`, `e`'],
    [trap, 'an object that cannot be described'],
  ])('is described: case %#', (value, text) => {
    expect(received(value)).toBe(text);
  });

  it('does not show what may be a secret', () => {
    expect([received('pw', true), received(5, true), received(null, true)]).toEqual(['a string', 'number', 'null']);
  });
});

describe('the nearest name', () => {
  const known = ['sessionTimeoutMs', 'connectTimeoutMs', 'reconnect', 'auth', 'acl', 'op'];
  it.each([
    ['sessionTimeout', 'sessionTimeoutMs'],
    ['sesionTimeoutMs', 'sessionTimeoutMs'],
    ['SESSIONTIMEOUTMS', 'sessionTimeoutMs'],
    ['reconect', 'reconnect'],
    ['auht', 'auth'],
    ['opp', 'op'],
    ['ACL', 'acl'],
    ['namespace', null],
    ['x', null],
    ['', null],
  ])('to %j is %j', (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });

  it('is offered, or else all names are', () => {
    expect(unknownNameHint('autth', known)).toBe('did you mean `auth`?');
    expect(unknownNameHint('zzz', ['a', 'b'])).toBe('expected one of `a`, `b`');
    expect(unknownNameHint('zzz', ['a'])).toBe('expected `a`');
    expect(unknownNameHint('zzz', [])).toBe('expected no options');
  });
});
