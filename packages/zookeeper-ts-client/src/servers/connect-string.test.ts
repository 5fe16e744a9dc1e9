import { describe, expect, it } from 'vitest';
import { formatServer, parseConnectString } from './connect-string.js';

describe('parseConnectString', () => {
  it.each<[string, { host: string; port: number }[], string]>([
    ['zk1', [{ host: 'zk1', port: 2181 }], ''],
    ['zk1:', [{ host: 'zk1', port: 2181 }], ''],
    ['zk1:2182/', [{ host: 'zk1', port: 2182 }], ''],
    [' zk1:2182/app \n', [{ host: 'zk1', port: 2182 }], '/app'],
    ['zk1/my app', [{ host: 'zk1', port: 2181 }], '/my app'],
    [
      'zk1:1,zk2:65535/a/b',
      [
        { host: 'zk1', port: 1 },
        { host: 'zk2', port: 65_535 },
      ],
      '/a/b',
    ],
    [
      ' zk1 , zk2,,',
      [
        { host: 'zk1', port: 2181 },
        { host: 'zk2', port: 2181 },
      ],
      '',
    ],
    [
      '[::1]:2183,[fe80::1]',
      [
        { host: '::1', port: 2183 },
        { host: 'fe80::1', port: 2181 },
      ],
      '',
    ],
  ])('takes %j apart', (text, servers, chroot) => {
    expect(parseConnectString(text)).toEqual({ servers, chroot });
  });

  it.each(['', ',', '/app', 'zk1:0', 'zk1:65536', 'zk1:x', 'zk1:-1', '::1', '[::1', 'zk1//', 'zk1/a/', 'zk1/../a'])(
    'refuses %j',
    (text) => {
      expect(() => parseConnectString(text)).toThrow(TypeError);
    },
  );

  it.each([
    [
      'h1:2181/app,h2:2181/app',
      "Expected one chroot, behind all servers, such as 'zk1:2181,zk2:2181/app', got 'h1:2181/app,h2:2181/app'",
    ],
    ['h1/app,h2', 'Expected one chroot, behind all servers'],
    [
      'zk://h1:2181/app',
      "Expected a connect string without a scheme, such as 'zk1:2181,zk2:2181/app', got 'zk://h1:2181/app'",
    ],
    ['h1:2181 h2:2181', "Expected 'host:port' in the connect string, got 'h1:2181 h2:2181'"],
    ['h1 h2', "Expected 'host:port' in the connect string, got 'h1 h2'"],
    ['h1;h2', "Expected 'host:port' in the connect string, got 'h1;h2'"],
    ['user@h1', "Expected 'host:port' in the connect string, got 'user@h1'"],
  ])('refuses %j and says what it expects', (text, message) => {
    expect(() => parseConnectString(text)).toThrow(TypeError);
    expect(() => parseConnectString(text)).toThrow(message);
  });

  it('refuses what is no string', () => {
    expect(() => parseConnectString(undefined as unknown as string)).toThrow(
      'Expected a connect string, got undefined',
    );
  });
});

describe('formatServer', () => {
  it('puts IPv6 addresses in brackets', () => {
    expect(formatServer({ host: 'zk1', port: 1 })).toBe('zk1:1');
    expect(formatServer({ host: '::1', port: 1 })).toBe('[::1]:1');
  });
});
