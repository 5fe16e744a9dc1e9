import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  it('looks for a standalone server by default', () => {
    expect(parseOptions([])).toEqual({ connect: null, ensemble: false });
  });

  it('takes a server that runs, or an ensemble', () => {
    expect(parseOptions(['--connect', 'localhost:2181'])).toEqual({ connect: 'localhost:2181', ensemble: false });
    expect(parseOptions(['--ensemble'])).toEqual({ connect: null, ensemble: true });
  });

  it('kills no server that is not its own', () => {
    expect(() => parseOptions(['--ensemble', '--connect', 'localhost:2181'])).toThrow(TypeError);
  });

  it.each([['--connect='], ['--fast'], ['please']])('does not take %s', (argument) => {
    expect(() => parseOptions([argument])).toThrow(TypeError);
  });

  it('knows when help is asked for', () => {
    expect(parseOptions(['--help'])).toBeNull();
  });
});
