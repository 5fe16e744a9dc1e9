import { expect, it } from 'vitest';
import { testServerOptions } from './test-server-options.js';

it('says the same of a test server as of a real one', () => {
  const config = { minSessionTimeout: 200, extendedTypesEnabled: false };
  expect(
    testServerOptions({ tickTimeMs: 100, config, systemProperties: { 'znode.container.checkIntervalMs': 20 } }),
  ).toEqual({ tickTimeMs: 100, minSessionTimeoutMs: 200, ttlZnodes: false, containerCheckIntervalMs: 20 });
});

it('rejects what a test server cannot do', () => {
  expect(() => testServerOptions({ systemProperties: { 'readonlymode.enabled': true } })).toThrow('readonlymode');
});
