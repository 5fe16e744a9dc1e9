import { RecipeError, ZooKeeperError } from '@zk-recipes/core';
import { describe, expect, it } from 'vitest';
import {
  AcquireTimeoutError,
  InvalidLeaseLimitError,
  ReentrantAcquireError,
  RevocationRequestedError,
  TooManyWaitersError,
} from './errors.js';
import * as locks from './index.js';

const cause = new Error('why');
const errors = [
  new ReentrantAcquireError('/lock', 'it is held here already', { cause }),
  new TooManyWaitersError('/lock', 5, 3, { cause }),
  new RevocationRequestedError('/lock', { cause }),
  new InvalidLeaseLimitError('/lock', '3 bytes', { cause }),
  new AcquireTimeoutError('/lock', 50, { cause }),
];

describe('errors of locks', () => {
  it('are all of those that the package exports', () => {
    const exported = Object.entries(locks).filter(([name]) => name.endsWith('Error'));
    expect(exported.map(([, value]) => value)).toEqual(
      expect.arrayContaining(errors.map((error) => error.constructor)),
    );
    expect(exported).toHaveLength(errors.length);
  });

  it.each(errors)('$name says what, where and why', (error) => {
    expect(error).toBeInstanceOf(RecipeError);
    expect(error).toBeInstanceOf(ZooKeeperError);
    expect(error.name).toBe(error.constructor.name);
    expect(error).toMatchObject({ path: '/lock', cause });
    expect(error.message).toContain('/lock');
    expect(error.message).toContain(error.code);
    expect(error.stack).toMatch(new RegExp(`^${error.name}: `));
  });

  it('have codes of their own', () => {
    expect(new Set(errors.map(({ code }) => code)).size).toBe(errors.length);
    for (const { code } of errors) expect(code).toMatch(/^ZK_[A-Z_]+$/);
  });

  it('tell the numbers that they are about', () => {
    expect(errors[1]).toMatchObject({ waiters: 5 });
    expect(errors[1]?.message).toContain('5 wait for /lock already, and maxWaiters is 3');
    expect(errors[3]?.message).toContain('got 3 bytes');
  });
});
