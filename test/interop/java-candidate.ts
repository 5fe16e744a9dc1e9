import { JavaPeer, type PeerMessage } from '@zk-recipes/test-support';
import type { Kind } from '../stage/contestants.js';

/** A time in which somebody led, by the wall clock that all processes of the machine share. */
export interface LedInterval {
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A candidate of Curator's, in a Java process of its own. */
export class JavaCandidate {
  readonly id: string;
  readonly sessionId: bigint;
  readonly #peer: JavaPeer;
  readonly #heard: PeerMessage[];
  #goneAtMs = Number.POSITIVE_INFINITY;

  private constructor(id: string, peer: JavaPeer, sessionId: bigint, heard: PeerMessage[]) {
    this.id = id;
    this.#peer = peer;
    this.sessionId = sessionId;
    this.#heard = heard;
  }

  /** Resolves when it has connected and entered; it may take a moment more until it stands in line. */
  static async start(kind: Kind, server: string, path: string, id: string, timeoutMs: number): Promise<JavaCandidate> {
    const source = new URL('java/ElectionPeer.java', import.meta.url);
    const peer = await JavaPeer.start(source, [server, path, id, String(timeoutMs), kind]);
    const heard: PeerMessage[] = [];
    peer.onMessage((message) => void heard.push(message));
    const { sessionId } = await peer.receive({ event: 'ready' });
    return new JavaCandidate(id, peer, BigInt.asUintN(64, BigInt(sessionId as string)), heard);
  }

  /** Resolves the next time that it is elected. */
  async elected(): Promise<void> {
    await this.#peer.receive({ event: 'elected' });
  }

  /** Whom it sees in the election, the leader first. */
  async participants(): Promise<{ readonly ids: string[]; readonly leader: string }> {
    this.#peer.send({ do: 'participants' });
    const { ids, leader } = await this.#peer.receive({ event: 'participants' });
    return { ids: ids as string[], leader: leader as string };
  }

  /** Whether it leads, by its own account. */
  get isLeader(): boolean {
    return (this.intervals.at(-1)?.toMs ?? 0) > Date.now();
  }

  /** Has it step down and enter again. From now on it is not counted as leading: Curator's latch deletes its znode before it says so. */
  yieldLeadership(): void {
    this.#heard.push({ event: 'deposed', atMs: Date.now() });
    this.#peer.send({ do: 'yield' });
  }

  async close(): Promise<void> {
    this.#heard.push({ event: 'deposed', atMs: Date.now() });
    this.#peer.send({ do: 'close' });
    await this.#peer.receive({ event: 'closed' });
    await this.kill();
  }

  async kill(): Promise<void> {
    this.#goneAtMs = Math.min(this.#goneAtMs, Date.now());
    await this.#peer.kill();
  }

  /** When it led, by its own account. */
  get intervals(): LedInterval[] {
    const intervals: LedInterval[] = [];
    for (const [index, { event, atMs }] of this.#heard.entries()) {
      if (event !== 'elected') continue;
      const end = this.#heard.slice(index + 1).find((later) => later['event'] === 'deposed');
      const toMs = Math.min(Number(end?.['atMs'] ?? Number.POSITIVE_INFINITY), this.#goneAtMs);
      intervals.push({ id: this.id, fromMs: Number(atMs), toMs });
    }
    return intervals;
  }
}
