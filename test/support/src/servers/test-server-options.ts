import type { TestServerOptions } from '@zk-recipes/test-server';
import type { ServerOptions } from './server-options.js';

/** What a test server calls the lines of `zoo.cfg` and the system properties that it can do. */
const names: Readonly<Record<string, keyof TestServerOptions>> = {
  minSessionTimeout: 'minSessionTimeoutMs',
  maxSessionTimeout: 'maxSessionTimeoutMs',
  maxClientCnxns: 'maxClientConnections',
  extendedTypesEnabled: 'ttlZnodes',
  enforceQuota: 'enforceQuota',
  'zookeeper.extendedTypesEnabled': 'ttlZnodes',
  'zookeeper.enforceQuota': 'enforceQuota',
  'zookeeper.DigestAuthenticationProvider.superDigest': 'superDigest',
  'znode.container.checkIntervalMs': 'containerCheckIntervalMs',
  'znode.container.maxNeverUsedIntervalMs': 'containerMaxNeverUsedMs',
  'jute.maxbuffer': 'maxFrameBytes',
};

/**
 * The options of a real server as those of a test server.
 *
 * @throws Error when one of them has no counterpart: better than a server that is not what the test asked for
 */
export function testServerOptions({ tickTimeMs, config, systemProperties }: ServerOptions): TestServerOptions {
  const options: Record<string, string | number | boolean> = tickTimeMs === undefined ? {} : { tickTimeMs };
  for (const [setting, value] of Object.entries({ ...config, ...systemProperties })) {
    const name = names[setting];
    if (name === undefined) throw new Error(`The test server has nothing like ${setting}: test on a real one only`);
    options[name] = value;
  }
  return options;
}
