import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reapLater } from '../reaper.js';
import type { DockerZooKeeper } from './docker-engine.js';
import { freePort } from './free-port.js';
import type { InstalledZooKeeper } from './installed-zookeeper.js';
import type { ServerHost } from './server-host.js';
import type { PeerAddress, ServerOptions } from './server-options.js';
import { ServerProcess } from './server-process.js';
import { findServerSource } from './server-source.js';
import { TestServerProcess } from './test-server-process.js';
import { ZooKeeperEnsemble } from './zookeeper-ensemble.js';
import { ZooKeeperServer } from './zookeeper-server.js';

/** How an ensemble is set up. */
export interface EnsembleOptions extends ServerOptions {
  /** Number of members; 3 by default. */
  readonly size?: number;
}

/** Hosts for one server or one ensemble, and what is to be removed after them. */
interface Quarters {
  readonly hosts: readonly ServerHost[];
  readonly remove: () => Promise<void>;
}

/**
 * Starts a standalone server on a free port of the loopback address, with its data in a folder of its own.
 *
 * @returns when it serves clients
 * @throws Error when there is nothing to start a server from
 */
export async function startStandalone(options: ServerOptions = {}): Promise<ZooKeeperServer> {
  const { hosts, remove } = await prepareQuarters(0, options);
  const server = new ZooKeeperServer(hosts[0] as ServerHost, false, remove);
  await startOrRemove(server, () => server.start());
  return server;
}

/**
 * Starts the servers of an ensemble.
 *
 * @returns when it has a leader and every member serves clients
 * @throws Error when there is nothing to start a server from
 */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<ZooKeeperEnsemble> {
  const { hosts, remove } = await prepareQuarters(options.size ?? 3, options);
  const members = hosts.map((host) => new ZooKeeperServer(host, true, async () => {}));
  const ensemble = new ZooKeeperEnsemble(members, remove);
  await startOrRemove(ensemble, () => ensemble.startAll());
  return ensemble;
}

async function startOrRemove(servers: AsyncDisposable, start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    await servers[Symbol.asyncDispose]();
    throw error;
  }
}

/** @param size number of members, or 0 for a standalone server */
async function prepareQuarters(size: number, options: ServerOptions): Promise<Quarters> {
  const from = options.from ?? (await findServerSource()).own;
  switch (from.kind) {
    case 'installed':
      return await prepareProcesses(from, size, options);
    case 'docker':
      return await prepareContainers(from, size, options);
    case 'test-server':
      if (size > 0) throw new Error('Test servers form no ensemble: have `ensemble` in the name of the test file');
      return { hosts: [new TestServerProcess(await freePort(), options)], remove: async () => {} };
    case 'none':
      throw new Error(`There is no ZooKeeper to start: ${from.why}`);
  }
}

async function prepareProcesses(from: InstalledZooKeeper, size: number, options: ServerOptions): Promise<Quarters> {
  const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-'));
  const forget = reapLater({ kind: 'folder', id: folder });
  const peers: PeerAddress[] = [];
  for (let id = 1; id <= size; id++) {
    peers.push({ id, host: '127.0.0.1', quorumPort: await freePort(), electionPort: await freePort() });
  }
  const hosts: ServerHost[] = [];
  for (const id of size === 0 ? [0] : peers.map((peer) => peer.id)) {
    const own = join(folder, `${id}`);
    await mkdir(own);
    hosts.push(await ServerProcess.prepare(from, { folder: own, port: await freePort(), id, peers }, options));
  }
  const remove = async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    forget();
  };
  return { hosts, remove };
}

async function prepareContainers(from: DockerZooKeeper, size: number, options: ServerOptions): Promise<Quarters> {
  // Loaded late: it takes most of a second, and is of no use where no engine is.
  const [{ Network }, { ServerContainer }] = await Promise.all([
    import('testcontainers'),
    import('./server-container.js'),
  ]);
  if (size === 0) {
    const host = new ServerContainer(from, { port: await freePort(), id: 0, peers: [] }, options);
    return { hosts: [host], remove: async () => {} };
  }
  const network = await new Network().start();
  const forget = reapLater({ kind: 'network', id: network.getId() });
  const peers = Array.from({ length: size }, (_, index): PeerAddress => {
    return { id: index + 1, host: `zoo${index + 1}`, quorumPort: 2888, electionPort: 3888 };
  });
  const hosts: ServerHost[] = [];
  for (const { id } of peers)
    hosts.push(new ServerContainer(from, { port: await freePort(), id, peers, network }, options));
  const remove = async () => {
    await network.stop();
    forget();
  };
  return { hosts, remove };
}
