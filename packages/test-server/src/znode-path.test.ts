import { describe, expect, it } from 'vitest';
import { isProtected, isValidPath, parentPath, sequenceSuffix } from './znode-path.js';

describe('sequenceSuffix', () => {
  it.each([
    [0, '0000000000'],
    [42, '0000000042'],
    [2147483647, '2147483647'],
    [-1, '-000000001'],
    [-2147483648, '-2147483648'],
  ])('formats %i as Java does', (number, text) => {
    expect(sequenceSuffix(number)).toBe(text);
  });
});

describe('paths', () => {
  it.each(['/', '/a', '/a/b', '/...', '/a..b', '/.a'])('takes %j', (path) => {
    expect(isValidPath(path)).toBe(true);
  });

  it.each(['', 'a', '/a/', '//', '/a//b', '/.', '/a/..', '/a/../b', '/\u0000', '/a\u0001', '/\u{1f600}', '/\ue000'])(
    'refuses %j',
    (path) => {
      expect(isValidPath(path)).toBe(false);
    },
  );

  it('have parents as the tables have them', () => {
    expect(['/a', '/a/b', '/', 'a/', 'a', '/\0'].map(parentPath)).toEqual(['', '/a', '', 'a', null, null]);
  });

  it('are protected where the server needs them', () => {
    expect(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'].every(isProtected)).toBe(true);
    expect(isProtected('/zookeeper/quota/a')).toBe(false);
  });
});
