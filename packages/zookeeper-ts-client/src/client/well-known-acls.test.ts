import { expect, it } from 'vitest';
import { digestAuth, digestId } from './well-known-acls.js';

it.each([digestAuth, digestId])('refuses %o without a password, and does not show what it was given', (make) => {
  const withOne = make as unknown as (user: string) => unknown;
  const message = `Expected \`password\` of ${make.name}(user, password) to be a string, got undefined`;
  expect(() => withOne('alice:pw')).toThrow(new TypeError(message));
  expect(() => make(5 as never, 'pw')).toThrow('Expected `user` of');
});

it('takes an empty password', () => {
  expect(digestAuth('alice', '')).toEqual({ scheme: 'digest', auth: Buffer.from('alice:') });
});
