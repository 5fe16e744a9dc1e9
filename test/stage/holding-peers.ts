import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type PeerMessage, PeerProcess, until } from '@zk-recipes/test-support';
import { expect } from 'vitest';

/** What a hold of another process was, by the wall clock that all processes of the machine share. */
interface PeerHold {
  readonly id: string;
  readonly token: bigint;
  readonly fromMs: number;
  /** Lost; or as long as it last said that it was certain to hold. */
  readonly toMs: number;
}

/** What such a process is told. */
export interface PeerOptions {
  /** File beside this one. */
  readonly script: 'election-process.mjs' | 'lock-process.mjs';
  readonly connectString: string;
  readonly path: string;
  readonly id: string;
  readonly sessionTimeoutMs: number;
  /** What it wants to hold, in which way. */
  readonly kind: string;
}

/** Compiles what child processes run: they know nothing of sources. */
export function compileForPeers(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const projects = ['packages/leader-election', 'packages/locks', 'packages/queues'];
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', ...projects], { cwd: root });
}

/** Somebody in a Node process of its own who wants to hold something, and all that it has said. */
export class HoldingPeer {
  readonly id: string;
  readonly process: PeerProcess;
  readonly heard: PeerMessage[] = [];
  #killedAtMs = Number.POSITIVE_INFINITY;

  private constructor(id: string, process: PeerProcess) {
    this.id = id;
    this.process = process;
    process.onMessage((message) => void this.heard.push(message));
  }

  static async start({ script, connectString, path, id, sessionTimeoutMs, kind }: PeerOptions): Promise<HoldingPeer> {
    const file = fileURLToPath(new URL(script, import.meta.url));
    const process = await PeerProcess.run('node', [file, connectString, path, id, String(sessionTimeoutMs), kind]);
    const peer = new HoldingPeer(id, process);
    await process.receive({ event: 'ready' });
    return peer;
  }

  /** Ends it at once; resolves with the moment. */
  async kill(): Promise<number> {
    this.#killedAtMs = Date.now();
    await this.process.kill();
    return this.#killedAtMs;
  }

  /** Its holds, from what it said while it held. */
  get holds(): PeerHold[] {
    return this.heard
      .filter(({ event }) => event === 'held')
      .map(({ token, atMs }) => {
        const of = this.heard.filter((message) => message['token'] === token);
        const certainMs = Math.max(Number(atMs), ...of.map((message) => Number(message['untilMs'] ?? 0)));
        const lostMs = Number(of.find(({ event }) => event === 'lost')?.['atMs'] ?? Number.POSITIVE_INFINITY);
        const toMs = Math.min(certainMs, lostMs, this.#killedAtMs);
        return { id: this.id, token: BigInt(token as string), fromMs: Number(atMs), toMs };
      });
  }
}

/** Resolves with the process whose newest hold is not over. */
export async function untilOneHolds(peers: readonly HoldingPeer[], except?: HoldingPeer): Promise<HoldingPeer> {
  const holds = (peer: HoldingPeer): boolean => peer !== except && (peer.holds.at(-1)?.toMs ?? 0) > Date.now();
  return await until(() => peers.find(holds), { what: 'a process to hold it', everyMs: 5 });
}

/** Asserts that no two holds of these processes overlap, and that their tokens grow with time. */
export function expectNoOverlap(peers: readonly HoldingPeer[]): void {
  const holds = peers.flatMap((peer) => peer.holds).sort((a, b) => a.fromMs - b.fromMs);
  const offences = holds.flatMap((hold, index) => {
    const before = holds[index - 1];
    if (before === undefined) return [];
    // Whole milliseconds: within one of them nothing can be said.
    return hold.fromMs < before.toMs || hold.token <= before.token ? [{ before, hold }] : [];
  });
  expect(offences).toEqual([]);
}
