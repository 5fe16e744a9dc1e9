import type { OwnServers } from './server-source.js';

/** How a server of the tests' own is set up. */
export interface ServerOptions {
  /**
   * ZooKeeper's unit of time, in milliseconds; 500 by default. The shortest session timeout that a server grants is
   * two ticks, the longest twenty.
   */
  readonly tickTimeMs?: number;
  /** More lines of `zoo.cfg`, for example `{ minSessionTimeout: 200 }`; they replace those of the same name. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  /** Java system properties of the server, for example `{ 'znode.container.checkIntervalMs': 100 }`. */
  readonly systemProperties?: Readonly<Record<string, string | number | boolean>>;
  /** Where the server comes from; by default the one that the look-up of this run found. */
  readonly from?: OwnServers;
}

/** The addresses of one member of an ensemble, as the members see each other. */
export interface PeerAddress {
  readonly id: number;
  readonly host: string;
  /** Port on which followers connect to the leader. */
  readonly quorumPort: number;
  /** Port for electing the leader. */
  readonly electionPort: number;
}

/** What is particular to one server. */
export interface ServerPlace {
  readonly clientPort: number;
  /** Address that clients may connect to; `undefined` for all of the machine's. */
  readonly clientPortAddress?: string;
  readonly dataDir: string;
  /** All members of its ensemble, itself among them; empty for a standalone server. */
  readonly peers: readonly PeerAddress[];
}

/** The text of a server's `zoo.cfg`: every command word allowed, no limit of connections, container and TTL znodes on. */
export function zooCfg(place: ServerPlace, options: ServerOptions): string {
  const settings: Record<string, string | number | boolean> = {
    tickTime: options.tickTimeMs ?? 500,
    dataDir: place.dataDir,
    clientPort: place.clientPort,
    ...(place.clientPortAddress === undefined ? {} : { clientPortAddress: place.clientPortAddress }),
    maxClientCnxns: 0,
    extendedTypesEnabled: true,
    'admin.enableServer': false,
    '4lw.commands.whitelist': '*',
  };
  if (place.peers.length > 0) Object.assign(settings, { initLimit: 10, syncLimit: 5 });
  for (const { id, host, quorumPort, electionPort } of place.peers) {
    settings[`server.${id}`] = `${host}:${quorumPort}:${electionPort}`;
  }
  Object.assign(settings, options.config);
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/**
 * Flags for a Java machine that starts fast and stays small. `forceSync=no` leaves writing to the disk's leisure: what
 * a killed process wrote stays in the system's cache, and no test cuts the power.
 */
export function javaFlags(options: ServerOptions): string[] {
  const properties = {
    'zookeeper.extendedTypesEnabled': true,
    'zookeeper.forceSync': 'no',
    'org.slf4j.simpleLogger.defaultLogLevel': 'error',
    ...options.systemProperties,
  };
  return [
    '-Xmx128m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
  ];
}
