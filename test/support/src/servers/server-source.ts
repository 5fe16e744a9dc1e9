import { installDebianPackages } from '../debian-packages.js';
import { type DockerZooKeeper, findDockerZooKeeper } from './docker-engine.js';
import { fourLetterWord } from './four-letter-word.js';
import { findInstalledZooKeeper, type InstalledZooKeeper } from './installed-zookeeper.js';

/** No way to start a ZooKeeper, and why. */
interface NoZooKeeper {
  readonly kind: 'none';
  readonly why: string;
}

/** This repository's own test server, standalone only. */
interface TestServers {
  readonly kind: 'test-server';
}

/** What servers of the tests' own are started from. */
export type OwnServers = DockerZooKeeper | InstalledZooKeeper | TestServers | NoZooKeeper;

/** Where a run of the tests has its servers from. */
export interface ServerSource {
  /** Connect string of a ZooKeeper that runs already, from `ZOOKEEPER_CONNECT`; `null` when the run starts its own. */
  readonly running: string | null;
  /** What servers can be started from: a test that kills its server needs one of its own. */
  readonly own: OwnServers;
  /** What was looked for before it, and why it was not taken: one sentence each. */
  readonly notes: readonly string[];
}

/** Hands the answer to child processes (test workers, the demo's services), so that one run looks, or installs, once. */
const handOver = 'ZK_RECIPES_SERVER_SOURCE';

/**
 * Finds a ZooKeeper: with `ZK_RECIPES_SERVERS=test-server` the test server, else a real one, in this order: one that runs already (`ZOOKEEPER_CONNECT`); a Docker engine, through
 * testcontainers (image from `ZOOKEEPER_IMAGE`); one installed on this machine (`ZOOKEEPER_HOME`, or Debian's package);
 * on Debian as root, an installation of that package, unless `ZOOKEEPER_INSTALL=never`.
 *
 * @throws Error when `ZOOKEEPER_CONNECT` names a server that does not answer: who names one wants no other
 */
export async function findServerSource(): Promise<ServerSource> {
  if (process.env['ZK_RECIPES_SERVERS'] === 'test-server') {
    return { running: null, own: { kind: 'test-server' }, notes: [] };
  }
  const known = process.env[handOver];
  if (known) return JSON.parse(known) as ServerSource;
  const source = await lookForSource(process.env['ZOOKEEPER_CONNECT'] || null);
  process.env[handOver] = JSON.stringify(source);
  return source;
}

/** Says in one line where the servers come from. */
export function describeSource({ running, own }: ServerSource): string {
  if (running !== null) return `ZOOKEEPER_CONNECT=${running}; servers for failure tests from ${describeOwn(own)}`;
  return describeOwn(own);
}

function describeOwn(own: OwnServers): string {
  switch (own.kind) {
    case 'docker':
      return `a Docker engine, image ${own.image}`;
    case 'installed':
      return `the Apache ZooKeeper installed on this machine (${own.classPath.split(':')[0]})`;
    case 'test-server':
      return 'the test server';
    case 'none':
      return `nowhere: ${own.why}`;
  }
}

async function lookForSource(running: string | null): Promise<ServerSource> {
  if (running !== null) {
    await checkRunning(running);
    const found = await findInstalledZooKeeper();
    return { running, own: typeof found === 'string' ? { kind: 'none', why: found } : found, notes: [] };
  }
  const notes: string[] = [];
  for (const look of [findDockerZooKeeper, findInstalledZooKeeper, installZooKeeper]) {
    const found = await look();
    if (typeof found !== 'string') return { running, own: found, notes };
    notes.push(found);
  }
  return { running, own: { kind: 'none', why: notes.join('; ') }, notes };
}

async function installZooKeeper(): Promise<InstalledZooKeeper | string> {
  return (await installDebianPackages(['zookeeper'])) ?? (await findInstalledZooKeeper());
}

/** `srvr` is the one word that a server answers without being told to. */
async function checkRunning(connectString: string): Promise<void> {
  const addresses = (connectString.split('/')[0] ?? '').split(',');
  const answers = await Promise.allSettled(addresses.map((address) => fourLetterWord(address.trim(), 'srvr')));
  if (!answers.some(({ status }) => status === 'fulfilled')) {
    throw new Error(`ZOOKEEPER_CONNECT is ${connectString}, but no ZooKeeper answers there`);
  }
}
