import { describe, expect, it } from 'vitest';
import { checkFields, isBoolean, isInteger, isNumber, isOneOf, isText, suggestion, textOf } from './argument-checks.js';

interface Options {
  readonly port?: number;
  readonly seed?: number;
  readonly host?: string;
  readonly isLoud?: boolean;
  readonly mode?: 'fast' | 'slow';
}

const checks = {
  port: isInteger(0, 65_535),
  seed: isNumber(),
  host: isText,
  isLoud: isBoolean,
  mode: isOneOf(['fast', 'slow']),
};
const check = (value: unknown) => () => checkFields<Options>('start', value as Options, checks);

describe('checkFields', () => {
  it('takes what is right, and what is left out', () => {
    check({})();
    check({ port: 0, seed: -1.5, host: 'h', isLoud: false, mode: 'slow' })();
    check({ port: undefined })();
  });

  it.each<[unknown, typeof TypeError | typeof RangeError, string]>([
    [{ ports: 1 }, TypeError, 'Expected an option of start, got `ports`. Did you mean `port`?'],
    [{ isloud: true }, TypeError, 'Expected an option of start, got `isloud`. Did you mean `isLoud`?'],
    [
      { somethingElse: 1 },
      TypeError,
      'Expected an option of start, got `somethingElse`. There are `port`, `seed`, `host`, `isLoud`, `mode`',
    ],
    [{ port: '1' }, TypeError, "Expected `port` to be a number, got '1'"],
    [{ port: 1n }, TypeError, 'Expected `port` to be a number, got 1n'],
    [{ port: 1.5 }, RangeError, 'Expected `port` to be a whole number, got 1.5'],
    [{ port: 65_536 }, RangeError, 'Expected `port` to be from 0 to 65535, got 65536'],
    [{ port: Number.NaN }, RangeError, 'Expected `port` to be from 0 to 65535, got NaN'],
    [{ seed: Infinity }, RangeError, 'Expected `seed` to be finite, got Infinity'],
    [{ host: null }, TypeError, 'Expected `host` to be a string that is not empty, got null'],
    [{ isLoud: 'no' }, TypeError, "Expected `isLoud` to be true or false, got 'no'"],
    [{ mode: 'fats' }, TypeError, "Expected `mode` to be a known name, got 'fats'. Did you mean `fast`?"],
    [{ mode: 3 }, TypeError, 'Expected `mode` to be a known name, got 3. There are `fast`, `slow`'],
    [null, TypeError, 'Expected start to be given an object, got null'],
    ['port', TypeError, "Expected start to be given an object, got 'port'"],
    [[], TypeError, 'Expected start to be given an object, got an array'],
  ])('refuses %o', (value, type, message) => {
    expect(check(value)).toThrow(type);
    expect(check(value)).toThrow(message);
  });
});

describe('suggestion', () => {
  it('gives all names that begin so, before those that are near', () => {
    expect(suggestion('set', ['setData', 'get', 'setACL'])).toBe('Did you mean `setData` or `setACL`?');
    expect(suggestion('getDate', ['setData', 'getData'])).toBe('Did you mean `getData`?');
  });
});

describe('textOf', () => {
  it('shows values without their contents', () => {
    expect([{}, () => 1, undefined, true].map(textOf)).toEqual(['an object', 'a function', 'undefined', 'true']);
  });
});
