import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  it('takes the test server by default', () => {
    expect(parseOptions([])).toEqual({ on: 'test-server' });
  });

  it('takes a real server, an ensemble of real servers, or one that runs', () => {
    expect(parseOptions(['--real'])).toEqual({ on: 'real' });
    expect(parseOptions(['--ensemble'])).toEqual({ on: 'ensemble' });
    expect(parseOptions(['--real', '--ensemble'])).toEqual({ on: 'ensemble' });
    expect(parseOptions(['--connect', 'localhost:2181'])).toEqual({ on: 'running', connectString: 'localhost:2181' });
  });

  it.each([['--real'], ['--ensemble']])('looks for no other server than the one that was named: %s', (option) => {
    const parse = () => parseOptions([option, '--connect', 'localhost:2181']);
    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(`Expected either --connect or ${option}, got both`);
  });

  it.each([['--connect='], ['--connect'], ['--fast'], ['please']])('does not take %s', (argument) => {
    expect(() => parseOptions([argument])).toThrow(TypeError);
  });

  it('knows when help is asked for', () => {
    expect(parseOptions(['--help'])).toBeNull();
  });
});
