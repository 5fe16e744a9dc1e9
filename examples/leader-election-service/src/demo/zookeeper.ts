import {
  describeSource,
  findServerSource,
  fourLetterWord,
  type ServerSource,
  startEnsemble,
  startStandalone,
} from '@zk-recipes/test-support';
import type { DemoOptions } from './options.js';

/** The ZooKeeper that the demo runs on. Disposing of it removes it, if it is the demo's own. */
export interface DemoZooKeeper extends AsyncDisposable {
  readonly connectString: string;
  /** Where it comes from, for people. */
  readonly origin: string;
  /** Whether others use it, too: then nothing may be left behind in it. */
  readonly isForeign: boolean;
  /** Kills the server that leads the ensemble (SIGKILL), and resolves with its address; `null` where that cannot be done. */
  readonly killLeader: (() => Promise<string>) | null;
}

/**
 * A server ends a session up to one tick late, one of an ensemble up to one and a half, the test server up to two: short
 * ticks keep that small beside the session timeout.
 */
const SHORT_TICKS = { tickTimeMs: 250 };
/** Counted in ticks: short as these are, the servers of an ensemble are left their usual time for each other. */
const LIMITS = { initLimit: 20, syncLimit: 10 };
const TEST_SERVER = 'the test server of this repository (a real one: npm run demo -- --real)';

/**
 * Starts the test server, takes the ZooKeeper that was named, or finds a real one in the same order, and by the same code,
 * as the tests.
 *
 * @throws Error when there is none
 */
export async function openZooKeeper(options: DemoOptions): Promise<DemoZooKeeper> {
  switch (options.on) {
    case 'test-server':
      return own(await startStandalone({ ...SHORT_TICKS, from: { kind: 'test-server' } }), TEST_SERVER);
    case 'running':
      return foreign(options.connectString, `the one at ${options.connectString}`);
    case 'real': {
      const source = await findServerSource();
      if (source.running !== null) return foreign(source.running, describeSource(source));
      const origin = originOf(source);
      return own(await startStandalone(SHORT_TICKS), origin);
    }
    case 'ensemble':
      return await ownEnsemble(originOf(await findServerSource()));
  }
}

/** @throws Error when no server can be started */
function originOf(source: ServerSource): string {
  if (source.own.kind !== 'none') return describeSource({ ...source, running: null });
  throw new Error(`No real ZooKeeper can be had here: ${source.own.why}. Name one that runs: --connect HOST:PORT`);
}

function foreign(connectString: string, origin: string): DemoZooKeeper {
  return { connectString, origin, isForeign: true, killLeader: null, [Symbol.asyncDispose]: async () => {} };
}

function own(server: AsyncDisposable & { readonly connectString: string }, origin: string): DemoZooKeeper {
  const remove = () => server[Symbol.asyncDispose]();
  const { connectString } = server;
  return { connectString, origin, isForeign: false, killLeader: null, [Symbol.asyncDispose]: remove };
}

async function ownEnsemble(origin: string): Promise<DemoZooKeeper> {
  const ensemble = await startEnsemble({ ...SHORT_TICKS, config: LIMITS });
  const killLeader = async (): Promise<string> => {
    const leader = await ensemble.untilServing();
    await leader.kill();
    return leader.connectString;
  };
  return { ...own(ensemble, origin), killLeader };
}

/**
 * The version and kind of the first server that answers, as it says itself, such as `3.8.0 standalone`, `3.9.3 ensemble` or
 * `3.9.3-zk-recipes-test-server standalone`; `unknown` where it may not say.
 *
 * @throws Error when no server answers
 */
export async function describeServer(connectString: string): Promise<string> {
  const addresses = (connectString.split('/')[0] ?? '').split(',').map((address) => address.trim());
  for (const address of addresses) {
    const answer = await fourLetterWord(address.includes(':') ? address : `${address}:2181`, 'srvr').catch(() => null);
    if (answer !== null) return versionAndMode(answer);
  }
  throw new Error(`No ZooKeeper answers at ${connectString}`);
}

function versionAndMode(answer: string): string {
  // The test server's own mark is shown, that nobody takes it for a real one; the commit of a real one is not.
  const version = /version: ([\d.]+(?:-zk-recipes-test-server)?)/.exec(answer)?.[1];
  const mode = /^Mode: (\S+)$/m.exec(answer)?.[1];
  if (version === undefined || mode === undefined) return 'unknown';
  return `${version} ${mode === 'standalone' ? mode : 'ensemble'}`;
}
