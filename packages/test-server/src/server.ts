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

/** Session of the server. */
export interface SessionInfo {
  readonly id: bigint;
  readonly timeoutMs: number;
  /** Whether the session's client is connected now. */
  readonly isConnected: boolean;
  /** Paths of the session's ephemerals. */
  readonly ephemerals: readonly string[];
  /**
   * Paths that the client watches; none while the client is not connected. A path occurs twice if the client watches both data and
   * children.
   */
  readonly watches: readonly string[];
}

/** Znode of a dump. */
export interface DumpedZnode {
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: Stat;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
}

/** Role and last transaction of the server, as in the reply to `srvr`. */
export interface ServerStatus {
  readonly mode: 'standalone';
  readonly zxid: bigint;
}

/**
 * ZooKeeper server inside this process: a single server, in memory, without replication. The server speaks the real protocol to any client
 * in any language, and a test can inject faults. Disposing of the server stops it.
 *
 * ```ts
 * await using server = await TestServer.start();
 * const client = await ZooKeeper.connect(server.connectString);
 * server.faults.dropReplyOnce({ op: 'create' });
 * ```
 */
export class TestServer implements AsyncDisposable {
  /** Faults that a test injects. */
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
   * @returns when the server serves clients
   * @throws TypeError when an option has an unknown name or a wrong type
   * @throws RangeError when an option is out of its range
   * @throws Error when the port is taken
   */
  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options);
    await server.start();
    return server;
  }

  /** Port on which the server listens; unchanged after a restart. */
  get port(): number {
    return this.#listener.port;
  }

  /** Connect string `host:port` for clients, with an IPv6 address in brackets. */
  get connectString(): string {
    return this.#host.includes(':') ? `[${this.#host}]:${this.port}` : `${this.#host}:${this.port}`;
  }

  /** State that the last call set. */
  get state(): 'down' | 'running' | 'paused' {
    return this.#state;
  }

  /** Sessions that are alive. */
  get sessions(): readonly SessionInfo[] {
    const { sessions, database } = this.#service;
    return [...sessions].map(({ id, timeoutMs }) => {
      const client = this.#service.clientOf(id);
      const watches = client === undefined ? [] : database.watches.pathsOf(client);
      return { id, timeoutMs, isConnected: client !== undefined, ephemerals: database.tree.ephemeralsOf(id), watches };
    });
  }

  /** Statistics so far; the four-letter word `srst` resets the counters. */
  get stats(): ServerStatistics {
    const { received, sent, requests } = this.#counters;
    return {
      ...{ received, sent, requests },
      watchesFired: this.#service.database.watches.firedCount,
      connections: this.#listener.connections.size,
      sessions: this.#service.sessions.size,
    };
  }

  /** Starts the server again after {@link stop}, with its tree and its sessions, on the same port. */
  async start(): Promise<void> {
    if (this.#state !== 'down') return;
    await this.#listener.open();
    this.#service.start();
    this.#state = 'running';
  }

  /** Closes all connections and the port. The server keeps its tree and its sessions, and no session expires meanwhile. */
  async stop(): Promise<void> {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#service.stop();
    await this.#listener.close();
  }

  /** Stops the server as {@link stop} does. No change is lost that the server has replied to. */
  async kill(): Promise<void> {
    await this.stop();
  }

  /** Stops a running server and starts it again. Every session gets its full timeout again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes the server: it keeps open connections and accepts new ones, but sends no replies, and no time passes for sessions. */
  async pause(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.#service.stop();
    this.#applyPartitions();
  }

  /** Continues after {@link pause}. */
  async resume(): Promise<void> {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#service.start();
    this.#applyPartitions();
  }

  /**
   * Expires a session as if its client had been silent for too long: the server removes its ephemerals and closes its connection.
   *
   * @returns whether the session existed
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

  /**
   * Lists a znode and all its descendants, parents first; empty if the znode does not exist. Callers must not change the data, which is the
   * server's own.
   */
  dump(path = '/'): readonly DumpedZnode[] {
    isPath('path', path);
    const { tree } = this.#service.database;
    const below = path === '/' ? '/' : `${path}/`;
    return [...tree.entries()]
      .filter(([other]) => other === path || other.startsWith(below))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([other, { data, stat, acl, kind }]) => ({ path: other, data, stat, acl, kind }));
  }

  /** Returns tree and sessions as plain JSON data, for the option `snapshot`. */
  snapshot(): Snapshot {
    return this.#service.snapshot();
  }

  /** Answers a four-letter word, such as `srvr`, `mntr` or `cons`. @throws TypeError when the word is unknown */
  async command(word: FourLetterWord): Promise<string> {
    isWord('word', word);
    return this.#answer(word);
  }

  /** Returns the role and the last transaction; `undefined` while the server does not serve clients. */
  async status(): Promise<ServerStatus | undefined> {
    if (this.#state !== 'running') return undefined;
    return { mode: 'standalone', zxid: this.#service.database.tree.lastZxid };
  }

  /** Returns the role; `undefined` while the server does not serve clients. */
  async mode(): Promise<'standalone' | undefined> {
    return (await this.status())?.mode;
  }

  /** Resolves with the role. @throws Error when the server is stopped or paused, because waiting would not end */
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
