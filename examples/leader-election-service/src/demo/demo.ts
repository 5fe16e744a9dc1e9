import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keeper } from '@zk-recipes/core';
import { monotonicMs } from '../journal.js';
import { Ledger, type LedgerEntry } from '../service/ledger.js';
import { Fleet } from './fleet.js';
import { auditLeadership, type ProcessJournal } from './leadership-audit.js';
import type { DemoOptions } from './options.js';
import { type Measurements, Scenario } from './scenario.js';
import { type Screen, Timeline } from './timeline.js';
import { type DemoResult, explainDelay, judge, tellAudit } from './verdict.js';
import { type DemoZooKeeper, describeServer, openZooKeeper } from './zookeeper.js';

/** Asked for; two ticks of the servers that the demo starts would be less, and twenty of them more. */
const SESSION_TIMEOUT_MS = 2_000;
const PERIOD_MS = 300;

/**
 * Runs the whole demo, and leaves nothing behind.
 *
 * @param signal stops it: rejects with its reason
 * @throws Error when it could not be run to its end
 */
export async function runDemo(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<DemoResult> {
  const zookeeper = await openZooKeeper(options);
  try {
    const server = await describeServer(zookeeper.connectString);
    screen.print(`ZooKeeper: ${zookeeper.origin}`);
    screen.print(`           ${server} at ${zookeeper.connectString}\n`);
    return await runOn(zookeeper, server, screen, signal);
  } finally {
    await zookeeper[Symbol.asyncDispose]();
  }
}

async function runOn(zookeeper: DemoZooKeeper, server: string, screen: Screen, signal: AbortSignal) {
  const namespace = `billing-demo-${randomUUID()}`;
  const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-demo-'));
  const timeline = new Timeline(screen, monotonicMs());
  let result: DemoResult | null = null;
  try {
    const { measured, journals } = await playScenario({ zookeeper, namespace, folder, timeline, signal });
    const audit = auditLeadership(journals, await readLedger(zookeeper, namespace));
    tellAudit(audit, screen);
    const delay = explainDelay(measured);
    if (delay !== null) screen.print(`${delay}\n`);
    result = judge(measured, audit, server);
    return result;
  } finally {
    if (zookeeper.isForeign) await removeNamespace(zookeeper, namespace);
    // Who finds two leaders will want to see what they wrote.
    if (result?.isSafe === false) screen.print(`The journals are in ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

interface Stage {
  readonly zookeeper: DemoZooKeeper;
  readonly namespace: string;
  readonly folder: string;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
}

async function playScenario(stage: Stage): Promise<{ measured: Measurements; journals: ProcessJournal[] }> {
  const { zookeeper, namespace, folder, timeline, signal } = stage;
  const env = {
    ZOOKEEPER_CONNECT: zookeeper.connectString,
    SERVICE_NAMESPACE: namespace,
    SESSION_TIMEOUT_MS: `${SESSION_TIMEOUT_MS}`,
    PERIOD_MS: `${PERIOD_MS}`,
  };
  const fleet = new Fleet({ folder, env, signal, onEntry: (process, entry) => timeline.show(process, entry) });
  try {
    const measured = await new Scenario(fleet, timeline, zookeeper).play();
    return { measured, journals: fleet.journals };
  } finally {
    await fleet[Symbol.asyncDispose]();
  }
}

function readLedger({ connectString }: DemoZooKeeper, namespace: string): Promise<LedgerEntry[]> {
  return withKeeper(connectString, namespace, (keeper) => new Ledger(keeper).entries());
}

async function removeNamespace({ connectString }: DemoZooKeeper, namespace: string): Promise<void> {
  const remove = (keeper: Keeper) => keeper.delete().deletingChildren().quietly().forPath(`/${namespace}`);
  await withKeeper(connectString, '', remove).catch((error: unknown) => {
    console.error(`/${namespace} could not be removed: ${error}`);
  });
}

async function withKeeper<T>(connectString: string, namespace: string, use: (keeper: Keeper) => Promise<T>) {
  const keeper = await Keeper.connect({ connectString, namespace, signal: AbortSignal.timeout(10_000) });
  try {
    return await use(keeper);
  } finally {
    await keeper.close();
  }
}
