import { describe, expect, it } from 'vitest';
import { formatServer, parseConnectString } from './connect-string.js';

describe('parseConnectString', () => {
  it.each<[string, { host: string; port: number }[], string]>([
    ['zk1', [{ host: 'zk1', port: 2181 }], ''],
    ['zk1:', [{ host: 'zk1', port: 2181 }], ''],
    ['zk1:2182/', [{ host: 'zk1', port: 2182 }], ''],
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
