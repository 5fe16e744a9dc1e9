import { parseArgs } from 'node:util';

/** What the demo is to run on. */
export type DemoOptions =
  /** The test server of this repository. */
  | { readonly on: 'test-server' }
  /** A real ZooKeeper, found as the tests find one. */
  | { readonly on: 'real' }
  /** Three real servers of the demo's own, of which the one that leads them is killed. */
  | { readonly on: 'ensemble' }
  /** A ZooKeeper that runs already. */
  | { readonly on: 'running'; readonly connectString: string };

/** How the command is called. */
export const usage = `npm run demo [-- OPTION]

  (none)               on the test server of this repository: no Java, nothing to install
  --real               on a real ZooKeeper, found as npm test finds one: ZOOKEEPER_CONNECT, a Docker engine, one
                       installed on this machine, Debian's package
  --ensemble           on three real servers of its own, of which it kills the leader; implies --real
  --connect HOST:PORT  on a ZooKeeper that runs already; several, and a chroot, as in any connect string
  --help               this`;

/**
 * Reads the options from the command line.
 *
 * @returns `null` when it asks for help
 * @throws TypeError for what it does not know, and for options that contradict each other
 */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      real: { type: 'boolean' },
      ensemble: { type: 'boolean' },
      connect: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { real = false, ensemble = false, connect, help = false } = values;
  if (help) return null;
  if (connect === undefined) return { on: ensemble ? 'ensemble' : real ? 'real' : 'test-server' };
  if (connect === '') throw new TypeError('Expected --connect to name a server, as in --connect 127.0.0.1:2181');
  if (ensemble) {
    throw new TypeError(
      'Expected either --connect or --ensemble, got both: --ensemble kills a server, so it starts its own',
    );
  }
  if (real) {
    throw new TypeError('Expected either --connect or --real, got both: --real looks for a server, --connect names it');
  }
  return { on: 'running', connectString: connect };
}
