import { parseArgs } from 'node:util';

/** What the demo is to run on. */
export interface DemoOptions {
  /** Connect string of a ZooKeeper that runs already; `null` to look for one as the tests do. */
  readonly connect: string | null;
  /** Whether to start three servers, and to kill the one that leads them. */
  readonly ensemble: boolean;
}

/** How the command is called. */
export const usage = `npm run demo [-- OPTIONS]

  --connect HOST:PORT  on a ZooKeeper that runs already; several, and a chroot, as in any connect string
  --ensemble           on three servers of its own, of which it kills the leader
  --help               this

Without --connect it looks for a ZooKeeper as npm test does: ZOOKEEPER_CONNECT, a Docker engine, one installed on
this machine, Debian's package.`;

/**
 * Reads the options from the command line.
 *
 * @returns `null` when it asks for help
 * @throws TypeError for what it does not know
 */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: { connect: { type: 'string' }, ensemble: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) return null;
  const { connect = null, ensemble = false } = values;
  if (connect === '') throw new TypeError('Expected --connect to name a server, as in --connect 127.0.0.1:2181');
  if (connect !== null && ensemble) {
    throw new TypeError('--ensemble starts servers to kill one of them: it does not go with --connect');
  }
  return { connect, ensemble };
}
