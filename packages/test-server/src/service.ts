import { type ConnectRequest, ErrorCode, OpCode } from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, refusal } from './answer.js';
import { Cleaner } from './cleaner.js';
import type { Client } from './client.js';
import { DataTree } from './data-tree.js';
import { Database } from './database.js';
import type { ServerSettings } from './options.js';
import type { Outlook } from './prepare.js';
import { RequestProcessor } from './request-processor.js';
import { SeededRandom } from './seeded-random.js';
import { type Session, Sessions } from './sessions.js';
import { restoreSnapshot, type Snapshot, takeSnapshot } from './snapshot.js';
import type { Znode } from './znode.js';

/** Result of a handshake: a session, the reply that the session has expired, or no reply. */
export type Admission =
  | { readonly kind: 'admitted'; readonly session: Session }
  | { readonly kind: 'expired' }
  | { readonly kind: 'refused' };

/** State of a server without its sockets: database, sessions and connected clients. */
export class Service {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly processor: RequestProcessor;
  readonly #settings: ServerSettings;
  readonly #clients: Map<bigint, Client> = new Map();
  readonly #cleaner: Cleaner;
  /** Time on the clock when the next tick is due. */
  #tickDueMs = 0;
  #cancelTick: () => void = () => {};
  /** Whether the last tick expired no session because it came late. */
  #wasLenient = false;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    const { clock, compat, snapshot } = settings;
    this.database = new Database(snapshot ? restoreSnapshot(snapshot) : DataTree.fresh(), clock, compat === '3.8');
    this.sessions = new Sessions(clock, {
      tickTimeMs: settings.tickTimeMs,
      minTimeoutMs: settings.minSessionTimeoutMs,
      maxTimeoutMs: settings.maxSessionTimeoutMs,
    });
    for (const { id, timeoutMs, password } of snapshot?.sessions ?? []) {
      this.sessions.adopt({ id: BigInt(id), timeoutMs, password: Buffer.from(password, 'base64') });
    }
    this.#cleaner = new Cleaner(this.database, settings);
    this.processor = new RequestProcessor({
      database: this.database,
      outlook: outlookOn(this.database.tree, settings),
      allowsTtl: settings.ttlZnodes,
      isCompat38: compat === '3.8',
      namesOf: listing(settings.seed),
    });
  }

  /** Starts the timers that expire sessions and remove containers and TTL znodes. */
  start(): void {
    this.sessions.touchAll();
    this.#cleaner.start();
    this.#tickDueMs = this.#settings.clock.now();
    this.#scheduleTick();
  }

  /** Stops the timers. */
  stop(): void {
    this.#cancelTick();
    this.#cleaner.stop();
  }

  /** Handles the first frame of a connection. */
  admit(request: ConnectRequest, client: Client): Admission {
    if (request.lastZxidSeen > this.database.tree.lastZxid) return { kind: 'refused' };
    const timeoutMs = this.sessions.negotiate(request.timeOut);
    if (request.sessionId === 0n) {
      this.database.nextZxid();
      return this.#attach(this.sessions.open(timeoutMs), client);
    }
    // As on the real server, the old connection is closed before the password is checked.
    this.#clients.get(request.sessionId)?.close();
    this.#clients.delete(request.sessionId);
    const session = this.sessions.resume(request.sessionId, request.passwd, timeoutMs);
    return session === null ? { kind: 'expired' } : this.#attach(session, client);
  }

  /** Processes a request of a connected client. */
  process(client: Client, opCode: number, reader: Parameters<RequestProcessor['process']>[2]): Answer {
    this.sessions.touch(client.sessionId);
    if (opCode !== OpCode.closeSession) {
      if (this.sessions.get(client.sessionId) === undefined) return refusal(ErrorCode.SESSIONEXPIRED);
      return this.processor.process(client, opCode, reader);
    }
    this.#end(client.sessionId);
    return DONE;
  }

  /** Expires a session as if its client had been silent for too long. */
  expire(sessionId: bigint): boolean {
    if (this.sessions.get(sessionId) === undefined) return false;
    this.#end(sessionId);
    this.#clients.get(sessionId)?.close();
    this.#clients.delete(sessionId);
    return true;
  }

  /** Returns the client of a session, if the session has a connection. */
  clientOf(sessionId: bigint): Client | undefined {
    return this.#clients.get(sessionId);
  }

  /** Handles the end of a connection: removes its watches and keeps its session. */
  detach(client: Client): void {
    this.database.forget(client);
    if (this.#clients.get(client.sessionId) === client) this.#clients.delete(client.sessionId);
  }

  /** Returns the tree and the sessions as a snapshot. */
  snapshot(): Snapshot {
    return takeSnapshot(this.database.tree, this.sessions);
  }

  #attach(session: Session, client: Client): Admission {
    this.#clients.set(session.id, client);
    return { kind: 'admitted', session };
  }

  #end(sessionId: bigint): void {
    this.database.commitOne({ type: 'closeSession', sessionId }, this.database.nextZxid());
    this.sessions.remove(sessionId);
  }

  #scheduleTick(): void {
    const { clock, tickTimeMs } = this.#settings;
    this.#tickDueMs += tickTimeMs;
    this.#cancelTick = clock.schedule(Math.max(0, this.#tickDueMs - clock.now()), () => this.#tick());
  }

  #tick(): void {
    const { clock, tickTimeMs } = this.#settings;
    const isLate = clock.now() - this.#tickDueMs > tickTimeMs / 2;
    if (isLate) this.#tickDueMs = clock.now();
    // This process was delayed, and pings of its clients may be unread in the sockets: their silence proves nothing yet.
    this.#wasLenient = isLate && !this.#wasLenient;
    if (!this.#wasLenient) for (const { id } of this.sessions.overdue()) this.expire(id);
    this.#scheduleTick();
  }
}

/** Returns the view of the tree against which writes are checked. */
function outlookOn(tree: DataTree, { enforceQuota, compat }: ServerSettings): Outlook {
  return {
    get: (path) => tree.get(path),
    exceedsQuota: (path, bytes, count) => enforceQuota && tree.exceedsQuota(path, bytes, count),
    knowsIpv6: compat !== '3.8',
  };
}

/** Returns a function that lists children: in the order of their creation, or shuffled so that no test can rely on an order. */
function listing(seed: number | null): (znode: Znode) => readonly string[] {
  if (seed === null) return ({ children }) => (children === null ? [] : [...children]);
  const random = new SeededRandom(seed);
  return ({ children }) => (children === null ? [] : random.shuffled([...children]));
}
