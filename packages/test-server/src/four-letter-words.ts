import { hostname, release, tmpdir, userInfo } from 'node:os';
import { EventType } from 'zookeeper-ts-client/protocol';
import type { Connection } from './connection.js';
import { operationName } from './observed-request.js';
import type { FourLetterWord, ServerSettings } from './options.js';
import type { Service } from './service.js';
import type { Counters } from './statistics.js';

/** Version that the server reports, followed by its own name. The option `compat` does not change it. */
const VERSION = '3.9.6-zk-recipes-test-server, built on 2024-01-01 00:00 UTC';

/** Default trace mask of a real server. @see org.apache.zookeeper.server.ZooTrace */
const DEFAULT_TRACE_MASK = 306;

/** Data for the answers to four-letter words. */
export interface Administration {
  readonly service: Service;
  readonly settings: ServerSettings;
  readonly counters: Counters;
  readonly port: number;
  readonly connections: Iterable<Connection>;
}

const answers: Readonly<Record<FourLetterWord, (of: Administration) => string>> = {
  ruok: () => 'imok',
  isro: () => 'rw',
  srvr: (of) => `${versionLine()}${statistics(of)}`,
  stat: (of) => `${versionLine()}Clients:\n${connections(of, clientLine)}\n${statistics(of)}`,
  mntr: monitor,
  conf: configuration,
  cons: (of) => `${connections(of, (connection) => detailLine(of, connection))}\n`,
  wchs: watchSummary,
  wchp: watchesByPath,
  wchc: watchesByConnection,
  dump,
  envi: environment,
  srst: reset,
  crst: resetConnections,
  // This server writes no files, keeps no history of digests and traces nothing.
  dirs: () => 'datadir_size: 0\nlogdir_size: 0\n',
  hash: () => '',
  gtmk: () => `${DEFAULT_TRACE_MASK}`,
  stmk: () => '',
};

/** Whether the first four bytes of a connection are a four-letter word rather than a length. */
export function isCommand(word: string): word is FourLetterWord {
  return Object.hasOwn(answers, word);
}

/** Answers a four-letter word. @see https://zookeeper.apache.org/doc/r3.9.3/zookeeperAdmin.html#sc_4lw */
export function answerCommand(word: FourLetterWord, of: Administration): string {
  if (of.settings.commands?.has(word) === false) {
    return `${word} is not executed because it is not in the whitelist.\n`;
  }
  return answers[word](of);
}

function versionLine(): string {
  return `Zookeeper version: ${VERSION}\n`;
}

function statistics({ service, counters, connections }: Administration): string {
  const { tree } = service.database;
  return [
    'Latency min/avg/max: 0/0.0/0',
    `Received: ${counters.received}`,
    `Sent: ${counters.sent}`,
    `Connections: ${[...connections].length}`,
    'Outstanding: 0',
    `Zxid: 0x${tree.lastZxid.toString(16)}`,
    'Mode: standalone',
    `Node count: ${tree.nodeCount}\n`,
  ].join('\n');
}

function connections(of: Administration, line: (connection: Connection) => string): string {
  return [...of.connections].map((connection) => `${line(connection)}\n`).join('');
}

function addressOf({ remoteAddress, remotePort }: Connection): string {
  return ` /${remoteAddress}:${remotePort}[1]`;
}

function clientLine(connection: Connection): string {
  const { unreadBytes, received, sent } = connection;
  return `${addressOf(connection)}(queued=${unreadBytes > 0 ? 1 : 0},recved=${received},sent=${sent})`;
}

function detailLine({ service }: Administration, connection: Connection): string {
  const { received, sent, sessionId, timeoutMs, lastOpCode, establishedMs } = connection;
  const counts = `queued=0,recved=${received},sent=${sent}`;
  if (sessionId === 0n) return `${addressOf(connection)}(${counts})`;
  const zxid = service.database.tree.lastZxid.toString(16);
  const session = `sid=${hex(sessionId)},lop=${operationName(lastOpCode)},est=${establishedMs},to=${timeoutMs}`;
  return `${addressOf(connection)}(${counts},${session},lzxid=0x${zxid})`;
}

function monitor({ service, counters, connections }: Administration): string {
  const { tree, watches } = service.database;
  let [bytes, ephemerals] = [0, 0];
  for (const [path, { data }] of tree.entries()) bytes += path.length + (data?.length ?? 0);
  for (const paths of tree.ephemerals.values()) ephemerals += paths.size;
  const values: readonly (readonly [name: string, value: number | string])[] = [
    ['version', VERSION],
    ['server_state', 'standalone'],
    ['avg_latency', '0.0'],
    ['min_latency', 0],
    ['max_latency', 0],
    ['packets_received', counters.received],
    ['packets_sent', counters.sent],
    ['num_alive_connections', [...connections].length],
    ['outstanding_requests', 0],
    ['global_sessions', service.sessions.size],
    ['znode_count', tree.nodeCount],
    ['watch_count', watches.size],
    ['ephemerals_count', ephemerals],
    ['approximate_data_size', bytes],
    ['sum_node_created_watch_count', watches.hitsOf(EventType.NodeCreated)],
    ['sum_node_deleted_watch_count', watches.hitsOf(EventType.NodeDeleted)],
    ['sum_node_changed_watch_count', watches.hitsOf(EventType.NodeDataChanged)],
    ['sum_node_children_watch_count', watches.hitsOf(EventType.NodeChildrenChanged)],
  ];
  return values.map(([name, value]) => `zk_${name}\t${value}\n`).join('');
}

function configuration({ settings, port }: Administration): string {
  const values: Readonly<Record<string, number | string>> = {
    clientPort: port,
    tickTime: settings.tickTimeMs,
    maxClientCnxns: settings.maxClientConnections,
    minSessionTimeout: settings.minSessionTimeoutMs,
    maxSessionTimeout: settings.maxSessionTimeoutMs,
    serverId: 1,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function watchSummary({ service }: Administration): string {
  const watches = service.database.watches.ofData;
  const [connections, paths] = [[...watches.watchers()].length, watches.entries().length];
  return `${connections} connections watching ${paths} paths\nTotal watches:${watches.size}\n`;
}

function watchesByPath({ service }: Administration): string {
  const entries = service.database.watches.ofData.entries();
  const lines = entries.flatMap(([path, watchers]) => [
    path,
    ...watchers.map(({ sessionId }) => `\t${hex(sessionId)}`),
  ]);
  return `${lines.map((line) => `${line}\n`).join('')}\n`;
}

function watchesByConnection({ service }: Administration): string {
  const { ofData } = service.database.watches;
  const lines = [...ofData.watchers()].flatMap((watcher) => [
    hex(watcher.sessionId),
    ...ofData.pathsOf(watcher).map((path) => `\t${path}`),
  ]);
  return `${lines.map((line) => `${line}\n`).join('')}\n`;
}

function dump({ service, connections }: Administration): string {
  const { sessions, database } = service;
  const buckets = new Map<number, bigint[]>();
  for (const { id } of sessions) {
    const deadline = sessions.deadlineOf(id);
    buckets.set(deadline, [...(buckets.get(deadline) ?? []), id]);
  }
  const expiries = [...buckets].sort(([a], [b]) => a - b);
  const owners = [...database.tree.ephemerals];
  return [
    'SessionTracker dump:',
    `Session Sets (${buckets.size})/(${sessions.size}):`,
    ...expiries.flatMap(([at, ids]) => [`${ids.length} expire at ${at}:`, ...ids.map((id) => `\t${hex(id)}`)]),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${owners.length}):`,
    ...owners.flatMap(([id, paths]) => [`${hex(id)}:`, ...[...paths].map((path) => `\t${path}`)]),
    'Connections dump:',
    `Connections (${[...connections].length}):\n`,
  ].join('\n');
}

function environment(): string {
  const values: Readonly<Record<string, string>> = {
    'zookeeper.version': VERSION,
    'host.name': hostname(),
    // Clients and test suites look for this name on any runtime.
    'java.version': `none, but Node ${process.version}`,
    'java.vendor': 'none',
    'java.home': 'none',
    'java.io.tmpdir': tmpdir(),
    'node.version': process.version,
    'os.name': process.platform,
    'os.arch': process.arch,
    'os.version': release(),
    'user.name': userInfo().username,
    'user.home': userInfo().homedir,
    'user.dir': process.cwd(),
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
  return `Environment:\n${lines.join('')}`;
}

function reset({ counters }: Administration): string {
  counters.reset();
  return 'Server stats reset.\n';
}

function resetConnections({ connections }: Administration): string {
  for (const connection of connections) connection.resetCounts();
  return 'Connection stats reset.\n';
}

function hex(sessionId: bigint): string {
  return `0x${BigInt.asUintN(64, sessionId).toString(16)}`;
}
