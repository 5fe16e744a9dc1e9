import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type PeerMessage, PeerProcess } from '@zk-recipes/test-support';
import { expect } from 'vitest';
import type { Kind } from './contestants.js';

/** What a tenure of another process was, by the wall clock that all processes of the machine share. */
interface PeerTenure {
  readonly id: string;
  readonly token: bigint;
  readonly fromMs: number;
  /** Deposed; or as long as it last said that it was certain to lead. */
  readonly toMs: number;
}

/** Compiles what child processes run: they know nothing of sources. */
export function compileForPeers(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/leader-election'], { cwd: root });
}

/** A candidate in a Node process of its own, and all that it has said. */
export class ElectionPeer {
  readonly id: string;
  readonly process: PeerProcess;
  readonly heard: PeerMessage[] = [];
  #killedAtMs = Number.POSITIVE_INFINITY;

  private constructor(id: string, process: PeerProcess) {
    this.id = id;
    this.process = process;
    process.onMessage((message) => void this.heard.push(message));
  }

  static async start(connectString: string, path: string, id: string, timeoutMs: number, kind: Kind) {
    const script = fileURLToPath(new URL('election-process.mjs', import.meta.url));
    const process = await PeerProcess.run('node', [script, connectString, path, id, String(timeoutMs), kind]);
    const peer = new ElectionPeer(id, process);
    await process.receive({ event: 'ready' });
    return peer;
  }

  /** Ends it at once; resolves with the moment. */
  async kill(): Promise<number> {
    this.#killedAtMs = Date.now();
    await this.process.kill();
    return this.#killedAtMs;
  }

  /** Its tenures, from what it said while it led. */
  get tenures(): PeerTenure[] {
    return this.heard
      .filter(({ event }) => event === 'elected')
      .map(({ token, atMs }) => {
        const of = this.heard.filter((message) => message['token'] === token);
        const certainMs = Math.max(Number(atMs), ...of.map((message) => Number(message['untilMs'] ?? 0)));
        const deposedMs = Number(of.find(({ event }) => event === 'deposed')?.['atMs'] ?? Number.POSITIVE_INFINITY);
        const toMs = Math.min(certainMs, deposedMs, this.#killedAtMs);
        return { id: this.id, token: BigInt(token as string), fromMs: Number(atMs), toMs };
      });
  }
}

/** Asserts that no two tenures of these processes overlap, and that their tokens grow with time. */
export function expectNoOverlap(peers: readonly ElectionPeer[]): void {
  const tenures = peers.flatMap((peer) => peer.tenures).sort((a, b) => a.fromMs - b.fromMs);
  const offences = tenures.flatMap((tenure, index) => {
    const before = tenures[index - 1];
    if (before === undefined) return [];
    // Whole milliseconds: within one of them nothing can be said.
    return tenure.fromMs < before.toMs || tenure.token <= before.token ? [{ before, tenure }] : [];
  });
  expect(offences).toEqual([]);
}
