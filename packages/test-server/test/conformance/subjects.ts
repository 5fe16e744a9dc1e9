import { fourLetterWord, startStandalone } from '@zk-recipes/test-support';
import { canStartServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, describe } from 'vitest';
import { TestServer } from '../../src/index.js';
import { WireClient, type WireOptions } from '../wire-client.js';
import { type Behaviour, behaviourOf } from './differences.js';

/** How the server of a suite is set up. */
export interface SubjectOptions {
  readonly tickTimeMs?: number;
  readonly enforceQuota?: boolean;
  readonly superDigest?: string;
  readonly containerCheckIntervalMs?: number;
  readonly maxClientConnections?: number;
}

/** A server under test, and what is to be expected of its version. */
export interface Subject {
  readonly address: string;
  readonly behaviour: Behaviour;
  /** Connects a client that is closed after the suite. */
  connect(options?: WireOptions): Promise<WireClient>;
}

interface Running extends AsyncDisposable {
  readonly connectString: string;
}

const starters: readonly (readonly [name: string, start: (options: SubjectOptions) => Promise<Running>])[] = [
  ['the test server', (options) => TestServer.start(options)],
  ['the test server as 3.8', (options) => TestServer.start({ ...options, compat: '3.8' })],
  ['a real ZooKeeper', startReal],
];

/** Runs a suite against this server, against this server as of 3.8, and against a real ZooKeeper. */
export function describeConformance(name: string, options: SubjectOptions, suite: (subject: Subject) => void): void {
  for (const [kind, start] of starters) {
    describe.skipIf(start === startReal && !canStartServers())(`${name}: ${kind}`, () => {
      const clients: WireClient[] = [];
      let server: Running;
      let behaviour: Behaviour;
      beforeAll(async () => {
        server = await start(options);
        behaviour = behaviourOf(await fourLetterWord(server.connectString, 'srvr'), kind);
      });
      afterAll(async () => {
        for (const client of clients) await client[Symbol.asyncDispose]();
        await server?.[Symbol.asyncDispose]();
      });
      suite({
        get address() {
          return server.connectString;
        },
        get behaviour() {
          return behaviour;
        },
        async connect(wire) {
          const client = await WireClient.connect(server.connectString, wire);
          clients.push(client);
          return client;
        },
      });
    });
  }
}

function startReal(options: SubjectOptions): Promise<Running> {
  const { tickTimeMs, enforceQuota, superDigest, containerCheckIntervalMs, maxClientConnections } = options;
  return startStandalone({
    ...(tickTimeMs === undefined ? {} : { tickTimeMs }),
    config: {
      ...(enforceQuota === undefined ? {} : { enforceQuota }),
      ...(maxClientConnections === undefined ? {} : { maxClientCnxns: maxClientConnections }),
    },
    systemProperties: {
      ...(superDigest === undefined ? {} : { 'zookeeper.DigestAuthenticationProvider.superDigest': superDigest }),
      ...(containerCheckIntervalMs === undefined
        ? {}
        : { 'znode.container.checkIntervalMs': containerCheckIntervalMs }),
    },
  });
}
