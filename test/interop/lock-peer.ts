import { fileURLToPath } from 'node:url';
import { JavaPeer, type PeerMessage, PeerProcess } from '@zk-recipes/test-support';

/** A lock of somebody else's: of Curator's; `kazoo` is kazoo's own, and its `mutex` the one with Curator's names. */
export interface ForeignLock {
  readonly kind: 'mutex' | 'read' | 'write' | 'semaphore' | 'kazoo';
  readonly path: string;
  /** Whether it says so when it is asked for the lock. */
  readonly revocable?: true;
  /** Leases of a semaphore: their number, or the znode of the count that has it. */
  readonly max?: number;
  readonly countPath?: string;
  /** How many leases are acquired at a time. */
  readonly permits?: number;
}

/** A process with Curator, or kazoo, that uses locks as it is told. */
export class LockPeer {
  readonly sessionId: bigint;
  readonly #process: PeerProcess;
  #requests = 0;

  private constructor(process: PeerProcess, sessionId: bigint) {
    this.#process = process;
    this.sessionId = sessionId;
  }

  static async java(server: string, sessionTimeoutMs: number): Promise<LockPeer> {
    const source = new URL('java/LockPeer.java', import.meta.url);
    return await LockPeer.#ready(await JavaPeer.start(source, [server, String(sessionTimeoutMs)]));
  }

  /** @param python with kazoo */
  static async kazoo(python: string, server: string, sessionTimeoutMs: number): Promise<LockPeer> {
    const script = fileURLToPath(new URL('python/lock_peer.py', import.meta.url));
    return await LockPeer.#ready(await PeerProcess.run(python, [script, server, String(sessionTimeoutMs)]));
  }

  static async #ready(process: PeerProcess): Promise<LockPeer> {
    const { sessionId } = await process.receive({ event: 'ready' });
    return new LockPeer(process, BigInt.asUintN(64, BigInt(sessionId as string)));
  }

  /** @param thread in which it uses the lock; locks belong to threads there */
  contender(lock: ForeignLock, thread = `contender ${++this.#requests}`): ForeignContender {
    return new ForeignContender((request) => this.#ask({ thread, ...lock, ...request }));
  }

  /** Has it ask whoever a znode belongs to for the lock. */
  async revoke(path: string): Promise<void> {
    await this.#ask({ thread: 'main', do: 'revoke', path });
  }

  /** Resolves when its revocable lock at a path has been asked for. */
  async revoked(path: string): Promise<void> {
    await this.#process.receive({ event: 'revoked', path });
  }

  /** Has it set a shared count. */
  async setCount(path: string, count: number): Promise<void> {
    await this.#ask({ thread: 'main', do: 'setCount', path, count });
  }

  /** Ends it at once: its session stays until it expires. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async #ask(request: PeerMessage): Promise<unknown> {
    const id = ++this.#requests;
    this.#process.send({ ...request, id });
    const { value, error } = await this.#process.receive({ id });
    if (error !== undefined) throw new Error(`The peer says: ${error}`);
    return value;
  }
}

/** One who wants a lock, in a process of another language. */
export class ForeignContender {
  readonly #ask: (request: PeerMessage) => Promise<unknown>;

  constructor(ask: (request: PeerMessage) => Promise<unknown>) {
    this.#ask = ask;
  }

  /** Resolves with whether it got the lock in time. */
  async acquire(timeoutMs = 60_000): Promise<boolean> {
    return (await this.#ask({ do: 'acquire', timeoutMs })) as boolean;
  }

  async release(): Promise<void> {
    await this.#ask({ do: 'release' });
  }

  /** Whom it sees. */
  async participants(): Promise<string[]> {
    return (await this.#ask({ do: 'participants' })) as string[];
  }

  /** Comes in, marks that it is inside, and leaves, again and again; resolves with how often. */
  async contend(mark: string, forMs: number): Promise<number> {
    return (await this.#ask({ do: 'contend', mark, forMs })) as number;
  }
}
