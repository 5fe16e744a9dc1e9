import type { TestProject } from 'vitest/node';
import { describeSource, findServerSource } from '../servers/server-source.js';
import { startStandalone } from '../servers/start-servers.js';
import type { ZooKeeperServer } from '../servers/zookeeper-server.js';

/** What test files are told about the servers of their project. */
export interface ServersOfRun {
  /** Connect string of the server that all test files share; `null` when there is none. */
  readonly shared: string | null;
  /** Why tests cannot start servers of their own; `null` when they can. */
  readonly whyNoOwn: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: ServersOfRun;
  }
}

/** Finds a real ZooKeeper, says which, and starts the one server that the test files of this run share. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const source = await findServerSource();
  for (const note of source.notes) console.log(`ZooKeeper: ${note}`);
  console.log(`ZooKeeper: ${describeSource(source)}`);
  const { running, own } = source;
  let server: ZooKeeperServer | undefined;
  if (running === null && own.kind !== 'none') server = await startStandalone({ from: own });
  if (server === undefined && running === null) console.log('ZooKeeper: tests that need a server are skipped');
  provide('servers', {
    shared: running ?? server?.connectString ?? null,
    whyNoOwn: own.kind === 'none' ? own.why : null,
  });
  return async () => server?.[Symbol.asyncDispose]();
}
