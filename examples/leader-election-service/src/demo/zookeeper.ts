import {
  describeSource,
  findServerSource,
  fourLetterWord,
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
 * A server ends a session up to one tick late, one of an ensemble up to one and a half: short ticks keep that small beside the
 * session timeout. The limits are counted in ticks, and leave the servers of an ensemble their usual time for each other.
 */
const SHORT_TICKS = { tickTimeMs: 250, config: { initLimit: 20, syncLimit: 10 } };

/**
 * Takes the ZooKeeper that was named, or finds one in the same order, and by the same code, as the tests.
 *
 * @throws Error when there is none
 */
export async function openZooKeeper({ connect, ensemble }: DemoOptions): Promise<DemoZooKeeper> {
  if (connect !== null) return foreign(connect, `the one at ${connect}`);
  const source = await findServerSource();
  if (source.running !== null && !ensemble) return foreign(source.running, describeSource(source));
  if (source.own.kind === 'none') {
    throw new Error(`No ZooKeeper can be had here: ${source.own.why}. Name one that runs: --connect HOST:PORT`);
  }
  const origin = describeSource({ ...source, running: null });
  return ensemble ? await ownEnsemble(origin) : await ownStandalone(origin);
}

function foreign(connectString: string, origin: string): DemoZooKeeper {
  return { connectString, origin, isForeign: true, killLeader: null, [Symbol.asyncDispose]: async () => {} };
}

async function ownStandalone(origin: string): Promise<DemoZooKeeper> {
  const server = await startStandalone(SHORT_TICKS);
  const { connectString } = server;
  const remove = () => server[Symbol.asyncDispose]();
  return { connectString, origin, isForeign: false, killLeader: null, [Symbol.asyncDispose]: remove };
}

async function ownEnsemble(origin: string): Promise<DemoZooKeeper> {
  const ensemble = await startEnsemble(SHORT_TICKS);
  const { connectString } = ensemble;
  const killLeader = async (): Promise<string> => {
    const leader = await ensemble.untilServing();
    await leader.kill();
    return leader.connectString;
  };
  const remove = () => ensemble[Symbol.asyncDispose]();
  return { connectString, origin, isForeign: false, killLeader, [Symbol.asyncDispose]: remove };
}

/**
 * The version and kind of the first server that answers, as it says itself, such as `3.8.0 standalone` or `3.9.3 ensemble`;
 * `unknown` where it may not say.
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
  const version = /version: ([\d.]+)/.exec(answer)?.[1];
  const mode = /^Mode: (\S+)$/m.exec(answer)?.[1];
  if (version === undefined || mode === undefined) return 'unknown';
  return `${version} ${mode === 'standalone' ? mode : 'ensemble'}`;
}
