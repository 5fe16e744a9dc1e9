import { describe, expect, it } from 'vitest';
import { validatePath } from './znode-path.js';

const codes = [0x00, 0x01, 0x1f, 0x7f, 0x9f, 0xd800, 0xdfff, 0xe000, 0xf8ff, 0xfff0, 0xffff];

describe('validatePath', () => {
  it.each(['/', '/a', '/a/b-c_d', '/...', '/a..b', '/.a', '/a.', '/ü/日本', '/ ', '/\u00a0', '/\ufdfd', '/a b'])(
    'takes %j',
    (path) => {
      expect(() => validatePath(path)).not.toThrow();
      expect(() => validatePath(path, '`path`', true)).not.toThrow();
    },
  );

  it.each(['', 'a', 'a/b', '//', '/a//b', '/.', '/..', '/./a', '/a/..', '/a/../b', '/😀'])('refuses %j', (path) => {
    expect(() => validatePath(path)).toThrow(TypeError);
  });

  it('lets only the name of a sequential znode be empty', () => {
    expect(() => validatePath('/a/')).toThrow("Expected `path` not to end with '/', got '/a/'");
    expect(() => validatePath('/a/', '`path`', true)).not.toThrow();
    expect(() => validatePath('/a//', '`path`', true)).toThrow(TypeError);
    // The number makes another segment of it.
    expect(() => validatePath('/a/.', '`path`', true)).not.toThrow();
  });

  it.each(codes)('refuses the character %i and says where it stands', (code) => {
    const name = code.toString(16).padStart(4, '0').toUpperCase();
    expect(() => validatePath(`/a${String.fromCharCode(code)}`)).toThrow(`without the character U+${name} at index 2`);
  });

  it.each([0x20, 0x7e, 0xa0, 0xd7ff, 0xf900, 0xffef])('takes the character %i, next to a range refused', (code) => {
    expect(() => validatePath(`/${String.fromCharCode(code)}`)).not.toThrow();
  });

  it.each([null, undefined, 7, {}])('refuses %s, and names what it is for', (value) => {
    expect(() => validatePath(value as unknown as string, '`prefix`')).toThrow(
      /^Expected `prefix` to be a string, got /,
    );
  });
});
