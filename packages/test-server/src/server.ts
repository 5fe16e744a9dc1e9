import type { Acl, Stat } from 'zookeeper-ts-client/protocol';
import { isOneOf, isPath, isSessionId, isSessionIdOrAll } from './argument-checks.js';
import type { Client } from './client.js';
import { Faults } from './faults.js';
import { answerCommand } from './four-letter-words.js';
import { Listener } from './listener.js';
import { FOUR_LETTER_WORDS, type FourLetterWord, settingsOf, type TestServerOptions } from './options.js';
import { Service } from './service.js';
import type { Snapshot } from './snapshot.js';
import { Counters, type ServerStatistics } from './statistics.js';
import type { ZnodeKind } from './znode.js';

const isWord = isOneOf(FOUR_LETTER_WORDS);

/** A session as the server knows it. */
export interface SessionInfo {
  readonly id: bigint;
  readonly timeoutMs: number;
  /** Whether its client is connected now. */
  readonly isConnected: boolean;
  /** Paths of its ephemerals. */
  readonly ephemerals: readonly string[];
  /** Paths that its client watches, a path twice if both its data and its children; none while it is not connected. */
  readonly watches: readonly string[];
}

/** A znode of a dump. */
export interface DumpedZnode {
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: Stat;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
}

/** What `srvr` says: the role, and the last transaction. */
export interface ServerStatus {
  readonly mode: 'standalone';
  readonly zxid: bigint;
}

/**
 * A ZooKeeper server inside this process: one process, in memory, no replication. It speaks the real protocol to any
 * client in any language, and misbehaves on demand. Disposing of it ends it.
 *
 * ```ts
 * await using server = await TestServer.start();
 * const client = await ZooKeeper.connect(server.connectString);
 * server.faults.dropReplyOnce({ op: 'create' });
 * ```
 */
export class TestServer implements AsyncDisposable {
  /** How it misbehaves. */
  readonly faults: Faults;
  readonly #service: Service;
  readonly #listener: Listener;
  readonly #counters: Counters = new Counters();
  readonly #host: string;
  #state: 'down' | 'running' | 'paused' = 'down';

  private constructor(options: TestServerOptions) {
    const settings = settingsOf(options);
    this.#host = settings.host;
    this.#service = new Service(settings);
    this.faults = new Faults({
      applyPartitions: () => this.#applyPartitions(),
      setLagging: (isLagging) => this.#setLagging(isLagging),
    });
    this.#listener = new Listener({
      settings,
      service: this.#service,
      faults: this.faults,
      counters: this.#counters,
      isPaused: () => this.#state === 'paused',
      command: (word) => answerCommand(word, this.#administration(settings)),
    });
    this.#answer = (word) => answerCommand(word, this.#administration(settings));
  }

  readonly #answer: (word: FourLetterWord) => string;

  /**
   * Starts a server.
   *
   * @returns when it serves clients
   * @throws TypeError when an option has a name or a type that is not known
   * @throws RangeError when an option is out of its range
   * @throws Error when the port is taken
   */
  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options);
    await server.start();
    return server;
  }

  /** Port on which it listens; the same over restarts. */
  get port(): number {
    return this.#listener.port;
  }

  /** `host:port` for clients; an address of IPv6 in brackets. */
  get connectString(): string {
    return this.#host.includes(':') ? `[${this.#host}]:${this.port}` : `${this.#host}:${this.port}`;
  }

  /** What was done to it last. */
  get state(): 'down' | 'running' | 'paused' {
    return this.#state;
  }

  /** The sessions that are alive. */
  get sessions(): readonly SessionInfo[] {
    const { sessions, database } = this.#service;
    return [...sessions].map(({ id, timeoutMs }) => {
      const client = this.#service.clientOf(id);
      const watches = client === undefined ? [] : database.watches.pathsOf(client);
      return { id, timeoutMs, isConnected: client !== undefined, ephemerals: database.tree.ephemeralsOf(id), watches };
    });
  }

  /** What it has done so far. */
  get stats(): ServerStatistics {
    const { received, sent, requests } = this.#counters;
    return {
      ...{ received, sent, requests },
      watchesFired: this.#service.database.watches.firedCount,
      connections: this.#listener.connections.size,
      sessions: this.#service.sessions.size,
    };
  }

  /** Starts it again after {@link stop}, with its tree and its sessions, on the same port. */
  async start(): Promise<void> {
    if (this.#state !== 'down') return;
    await this.#listener.open();
    this.#service.start();
    this.#state = 'running';
  }

  /** Breaks all connections and listens no more. Tree and sessions stay, and no session expires meanwhile. */
  async stop(): Promise<void> {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#service.stop();
    await this.#listener.close();
  }

  /** The same as {@link stop}: nothing is lost that was replied to. */
  async kill(): Promise<void> {
    await this.stop();
  }

  /** Stops it, if it is up, and starts it again: every session gets its full timeout anew. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes it: connections stay open, and new ones are made, but nothing answers and no time passes. */
  async pause(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.#service.stop();
    this.#applyPartitions();
  }

  /** Goes on after {@link pause}. */
  async resume(): Promise<void> {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#service.start();
    this.#applyPartitions();
  }

  /**
   * Ends a session as if its client had been silent for too long: its ephemerals go, and its connection is closed.
   *
   * @returns whether there was such a session
   */
  expireSession(sessionId: bigint): boolean {
    isSessionId('sessionId', sessionId);
    return this.#service.expire(sessionId);
  }

  /** Breaks the connection of a session, or every connection; sessions stay. */
  disconnect(who: bigint | 'all'): void {
    isSessionIdOrAll('who', who);
    for (const connection of this.#listener.connections) {
      if (who === 'all' || connection.sessionId === who) connection.destroy();
    }
  }

  /** A znode and all below it, parents first; empty when there is none. Data is the server's own: leave it as it is. */
  dump(path = '/'): readonly DumpedZnode[] {
    isPath('path', path);
    const { tree } = this.#service.database;
    const below = path === '/' ? '/' : `${path}/`;
    return [...tree.entries()]
      .filter(([other]) => other === path || other.startsWith(below))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([other, { data, stat, acl, kind }]) => ({ path: other, data, stat, acl, kind }));
  }

  /** Tree and sessions, for the option of the same name; JSON can hold it. */
  snapshot(): Snapshot {
    return this.#service.snapshot();
  }

  /** Answers a four-letter word, such as `srvr`, `mntr` or `cons`. @throws TypeError when it is none */
  async command(word: FourLetterWord): Promise<string> {
    isWord('word', word);
    return this.#answer(word);
  }

  /** Its role and its last transaction; `undefined` while it serves nobody. */
  async status(): Promise<ServerStatus | undefined> {
    if (this.#state !== 'running') return undefined;
    return { mode: 'standalone', zxid: this.#service.database.tree.lastZxid };
  }

  /** Its role; `undefined` while it serves nobody. */
  async mode(): Promise<'standalone' | undefined> {
    return (await this.status())?.mode;
  }

  /** Resolves with its role. @throws Error when it is down or paused: nobody would start it */
  async untilServing(): Promise<'standalone'> {
    const mode = await this.mode();
    if (mode === undefined) throw new Error(`The test server at ${this.connectString} is ${this.#state}`);
    return mode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #administration(settings: ReturnType<typeof settingsOf>): Parameters<typeof answerCommand>[1] {
    const { connections, port } = this.#listener;
    return { service: this.#service, settings, counters: this.#counters, port, connections };
  }

  #applyPartitions(): void {
    for (const connection of this.#listener.connections) connection.applyPartition();
  }

  #setLagging(isLagging: (client: Client) => boolean): void {
    const { database } = this.#service;
    for (const connection of this.#listener.connections) {
      if (connection.sessionId === 0n) continue;
      if (isLagging(connection)) database.letLag(connection);
      else database.catchUp(connection);
    }
  }
}
