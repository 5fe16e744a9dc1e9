import type { Hold, Keeper } from '@zk-recipes/core';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { afterAll, beforeAll } from 'vitest';
import { ownServer, type Stage, stage } from '../stage/stage.js';
import type { InsideJournal } from './inside-journal.js';
import { LockPeer } from './lock-peer.js';

/** Of everybody on such a stage. */
export const sessionTimeoutMs = 2_000;

/** A server and two processes with Curator for all tests of a file. */
export interface CuratorStage {
  readonly on: Stage;
  readonly java: readonly [LockPeer, LockPeer];
  /** Another process, for one test that ends it. */
  another(): Promise<LockPeer>;
}

/** Sets such a stage up. */
export function curatorStage(): CuratorStage {
  const server = ownServer({ tickTimeMs: 250 });
  const on = stage(() => server().connectString);
  const peers: LockPeer[] = [];
  const start = (): Promise<LockPeer> => LockPeer.java(on.server, sessionTimeoutMs);
  beforeAll(async () => {
    if (whyNoJavaPeers === null) peers.push(...(await Promise.all([start(), start()])));
  });
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.kill()));
  });
  return {
    on,
    get java() {
      return peers as [LockPeer, LockPeer];
    },
    async another() {
      const peer = await start();
      on.afterwards(() => peer.kill());
      return peer;
    },
  };
}

/** Has one of ours come in, mark that it is inside, and leave, again and again. Fencing tokens are added to `tokens` as they come. */
export async function contend<H extends Hold>(
  lock: { run(fn: (hold: H) => Promise<void>): Promise<void> },
  { keeper, journal, mark, forMs }: { keeper: Keeper; journal: InsideJournal; mark: string; forMs: number },
  tokens: bigint[] = [],
): Promise<void> {
  for (const endMs = Date.now() + forMs; Date.now() < endMs; ) {
    await lock.run(async ({ fencingToken }) => {
      tokens.push(fencingToken);
      await journal.mark(keeper, mark);
    });
  }
}
