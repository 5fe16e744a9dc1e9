import { type Acl, type HistoryWentBack, type WatchedEvent, ZooKeeper } from 'zookeeper-ts-client';
import { GetAclBuilder, SetAclStart } from './builders/acl.js';
import { CreateBuilder, PLAIN_CREATE } from './builders/create.js';
import { DeleteBuilder, PLAIN_DELETE } from './builders/delete.js';
import { ExistsBuilder } from './builders/exists.js';
import { GetChildrenBuilder } from './builders/get-children.js';
import { GetDataBuilder } from './builders/get-data.js';
import { PLAIN_SET_DATA, SetDataBuilder } from './builders/set-data.js';
import { SyncBuilder } from './builders/sync.js';
import { Transaction } from './builders/transaction.js';
import { RemoveWatchBuilder, WatchBuilder } from './builders/watch.js';
import type { ConnectionState, StateChange } from './connection-state.js';
import type { BackgroundError } from './diagnostics.js';
import { checkEnding, type EndingOptions } from './endings.js';
import { signalOf } from './execution/call-check.js';
import { Engine } from './execution/engine.js';
import type { CallOptions, Execution } from './execution/execution.js';
import { checkNamespace } from './execution/namespace.js';
import type { SessionClients } from './execution/session-succession.js';
import type { Listeners } from './listeners.js';
import { type KeeperOptions, resolveOptions } from './options.js';

/** Events of a `Keeper` and what their listeners are given. */
export interface KeeperEvents {
  /** The connection is worth something else now. */
  readonly state: ConnectionState;
  /** The same change, with its reason. Told just before `state`. */
  readonly stateChange: StateChange;
  /**
   * The servers have lost transactions that this process has seen: they came back without their data, or from an older backup.
   * Fencing tokens of before can be larger than those to come. Told before the state changes, with the reason `history`.
   */
  readonly historyWentBack: HistoryWentBack;
  /** Something went wrong where nobody was waiting for it. Published on `BACKGROUND_ERROR_CHANNEL` as well. */
  readonly backgroundError: BackgroundError;
}

/** Keepers over one engine, one for each namespace: a watch function must meet the same wrapper whenever it is named. */
type Family = Map<string, Keeper>;

/**
 * A connection to ZooKeeper that is kept, with what makes it fit for recipes: retries that never do a thing twice, namespaces,
 * protected creates, guaranteed deletes, and a new session when the old one is lost.
 *
 * Verbs (`create()`, `delete()`, …) begin a builder that ends in `forPath`, or `commit` for a transaction. The first attempt leaves in
 * the tick of that call. An operation is repeated, as the `retry` option says, when that is certain not to do it twice: if it was not
 * executed, or if it is safe to repeat. Reads are; a write is when it was made so (`withProtection()`, `orSetData()`,
 * `idempotent()`, `guaranteed()`, `quietly()`). Otherwise a lost reply rejects with a `ConnectionLossError` of outcome `unknown`.
 */
export class Keeper {
  readonly #engine: Engine;
  readonly #family: Family;
  readonly #name: string;
  readonly #execution: Execution;
  readonly #isRoot: boolean;
  /** The `Keeper` of which this is the one without time limit; `null` for one that has a limit. */
  readonly #limited: Keeper | null;
  #unlimited: Keeper | null = null;
  readonly #listeners: { readonly [Event in keyof KeeperEvents]: Listeners<KeeperEvents[Event]> };

  private constructor(engine: Engine, family: Family, name: string, isRoot: boolean, limited: Keeper | null = null) {
    if (!(engine instanceof Engine)) throw new TypeError('Expected Keeper.connect or Keeper.open, got new Keeper');
    this.#engine = engine;
    this.#family = family;
    this.#name = name;
    this.#isRoot = isRoot;
    this.#limited = limited;
    this.#execution = limited === null ? engine.execution(name) : engine.withoutTimeLimit(limited.#execution);
    this.#listeners = {
      state: engine.sessions.listeners,
      stateChange: engine.sessions.changeListeners,
      historyWentBack: engine.sessions.historyListeners,
      backgroundError: engine.diagnostics.listeners,
    };
    if (limited === null) family.set(name, this);
  }

  /**
   * Connects and resolves when there is a session, and the chroot exists.
   *
   * @throws {TypeError} or {RangeError} for a wrong option, which it names
   * @throws {ConnectFailedError} with what each server said, when `connectDeadlineMs` has passed or `signal` aborts
   * @throws {ChrootMissingError} the chroot of the connect string does not exist, and `createChroot` is not set
   * @throws {AuthFailedError} the credentials were refused
   */
  static async connect(options: KeeperOptions): Promise<Keeper> {
    const keeper = Keeper.open(options);
    try {
      await keeper.#engine.sessions.untilConnected(options.connectDeadlineMs ?? 30_000, options.signal);
    } catch (error) {
      void keeper.close();
      throw error;
    }
    return keeper;
  }

  /**
   * Begins to connect and does not wait: the state is `SUSPENDED`, the session id 0n and the epoch 0 until there is a session.
   * What is asked of it waits for the session. There is no limit of time: `connectDeadlineMs` and `signal` have no effect. If the
   * server refuses the credentials, the `Keeper` is closed and the state is `LOST`.
   *
   * @throws {TypeError} or {RangeError} for a wrong option, which it names
   */
  static open(options: KeeperOptions): Keeper {
    const { connectString, client, engine, namespace } = resolveOptions(options);
    const clients: SessionClients = {
      start: (lastZxidSeen) => ZooKeeper.open(connectString, { ...client, lastZxidSeen }),
      endSession: async ({ id, passwd, timeoutMs }, server, signal) => {
        const resumed = { session: { id, passwd }, sessionTimeoutMs: timeoutMs, signal };
        const zookeeper = await ZooKeeper.connect(server, { ...client, ...resumed, onAttemptFailed: undefined });
        await zookeeper.close({ timeoutMs: 1_000 });
        if (!zookeeper.isCloseConfirmed) throw new Error('the server has not confirmed that the session is closed');
      },
    };
    return new Keeper(new Engine({ ...engine, clients }), new Map(), namespace, true);
  }

  /**
   * Waits until there is a connection.
   *
   * @throws {ConnectFailedError} with what each server said, when `signal` aborts; its cause is the signal's reason
   * @throws {ChrootMissingError} the chroot of the connect string does not exist, and `createChroot` is not set
   * @throws {AuthFailedError} the credentials were refused
   * @throws {ClosedError} the `Keeper` was closed
   */
  async untilConnected(options: CallOptions = {}): Promise<void> {
    const signal = signalOf('untilConnected', options);
    await this.#engine.sessions.untilConnected(Number.POSITIVE_INFINITY, signal);
  }

  // Session and connection

  /** The client of the newest session, for what this API lacks. It knows real paths only, and there is another one after a `LOST` session. */
  get zookeeper(): ZooKeeper {
    return this.#engine.sessions.zookeeper;
  }
  /** Id of the newest session, as `Stat.ephemeralOwner` has it. */
  get sessionId(): bigint {
    return this.zookeeper.sessionId;
  }
  /** The newest session's negotiated timeout in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.zookeeper.sessionTimeoutMs;
  }
  /** Ordinal of the newest session; the first is 1, and 0 comes before it. A new one is opened by itself when the server has ended the old one. */
  get sessionEpoch(): number {
    return this.#engine.sessions.epoch;
  }
  /** What the connection is worth now. */
  get connectionState(): ConnectionState {
    return this.#engine.sessions.state;
  }
  /**
   * Whether nothing can be asked for any more: since `close` was called on the `Keeper` that `connect` returned (`ClosedError`), or
   * since the server refused the credentials (`AuthFailedError`).
   */
  get closed(): boolean {
    return this.#engine.sessions.over.aborted;
  }
  /** Below which all paths of this `Keeper` are; empty for none. */
  get namespace(): string {
    return this.#name;
  }

  /** Milliseconds for which the session is certainly alive on the server, computed now; 0 when that is over or not known. */
  validForMs(): number {
    return this.#engine.sessions.validForMs();
  }

  /** The present connection state and each later one, none left out, until the `Keeper` is closed. Rejects with the signal's reason. */
  connectionStates(options: CallOptions = {}): AsyncIterableIterator<ConnectionState> {
    return this.#engine.states(signalOf('connectionStates', options));
  }

  /** Adds a listener. What it throws harms nothing and is a `backgroundError`. */
  on<Name extends keyof KeeperEvents>(event: Name, listener: (value: KeeperEvents[Name]) => void): this {
    this.#listenersOf(event).add(listener);
    return this;
  }

  /** Removes a listener. */
  off<Name extends keyof KeeperEvents>(event: Name, listener: (value: KeeperEvents[Name]) => void): this {
    this.#listenersOf(event).remove(listener);
    return this;
  }

  #listenersOf<Name extends keyof KeeperEvents>(event: Name): Listeners<KeeperEvents[Name]> {
    if (!Object.hasOwn(this.#listeners, event)) {
      const names = Object.keys(this.#listeners).map((name) => `'${name}'`);
      throw new TypeError(`Expected \`event\` to be ${names.join(' or ')}, got '${String(event)}'`);
    }
    return this.#listeners[event];
  }

  /**
   * Reports an error of something that a recipe does where nobody waits for it: as a `backgroundError`.
   *
   * @param operation what was being done, in a few words
   * @param path what it was about, as users of this namespace name it; `null` for nothing in particular
   */
  reportBackgroundError(error: unknown, operation: string, path: string | null = null): void {
    this.#engine.diagnostics.report(error, operation, path === null ? null : this.#execution.namespace.toReal(path));
  }

  /**
   * A `Keeper` over the same session with another root. Its `close` does nothing: the session belongs to the `Keeper` that `connect`
   * returned.
   *
   * @param name from the root of the connect string, not below this one's; empty for that root itself
   * @throws {RangeError} not the name of a namespace
   */
  usingNamespace(name: string): Keeper {
    const keeper = this.#family.get(checkNamespace(name)) ?? new Keeper(this.#engine, this.#family, name, false);
    return this.#limited === null ? keeper : keeper.unlimited;
  }

  // The time limit of operations

  /** Milliseconds that one operation of the `limited` keeper takes at most. */
  get operationTimeoutMs(): number {
    return this.#engine.operationTimeoutMs;
  }
  /**
   * The same `Keeper`, whose operations `operationTimeoutMs` does not bound: for recipes, which wait as long as their caller's signal lets
   * them, and clean up however long that takes. Always the same object; its `close` does nothing.
   */
  get unlimited(): Keeper {
    if (this.#limited !== null) return this;
    this.#unlimited ??= new Keeper(this.#engine, this.#family, this.#name, false, this);
    return this.#unlimited;
  }
  /** The same `Keeper`, whose operations end within `operationTimeoutMs`: the one that `connect` or `usingNamespace` returned. */
  get limited(): Keeper {
    return this.#limited ?? this;
  }

  // Reading

  /** Asks whether a znode exists. */
  exists(): ExistsBuilder {
    return new ExistsBuilder(this.#execution, undefined);
  }
  /** Reads the data of a znode. */
  getData(): GetDataBuilder<Buffer | null> {
    return new GetDataBuilder(this.#execution, undefined, ({ data }) => data);
  }
  /** Lists the children of a znode. */
  getChildren(): GetChildrenBuilder<string[]> {
    return new GetChildrenBuilder(this.#execution, undefined, ({ children }) => children);
  }
  /** Reads the access control list of a znode. */
  getAcl(): GetAclBuilder<readonly Acl[]> {
    return new GetAclBuilder(this.#execution, ({ acl }) => acl);
  }
  /** Brings the server that this session reads from up to date with the leader. */
  sync(): SyncBuilder {
    return new SyncBuilder(this.#execution);
  }

  // Writing

  /** Creates a znode. */
  create(): CreateBuilder<string> {
    return new CreateBuilder(this.#execution, PLAIN_CREATE, ({ path }) => path);
  }
  /** Sets the data of a znode. */
  setData(): SetDataBuilder {
    return new SetDataBuilder(this.#execution, PLAIN_SET_DATA);
  }
  /** Deletes a znode. */
  delete(): DeleteBuilder {
    return new DeleteBuilder(this.#execution, PLAIN_DELETE);
  }
  /** Sets the access control list of a znode. */
  setAcl(): SetAclStart {
    return new SetAclStart(this.#execution);
  }
  /** Begins a transaction: all of its operations are done, or none. */
  transaction(): Transaction {
    return new Transaction(this.#execution);
  }

  // Watching; `watching` of the reads leaves watches that fire once

  /** Sets a watch that stays. */
  watch(): WatchBuilder {
    return new WatchBuilder(this.#execution);
  }
  /**
   * Removes a watch.
   *
   * @param listener as it was given when the watch was set
   */
  removeWatch(listener: (event: WatchedEvent) => void): RemoveWatchBuilder {
    return new RemoveWatchBuilder(this.#execution, listener);
  }

  // The end

  /**
   * Ends the session, with it all of its ephemerals and watches. The state is `LOST` at once, so that holders stop first; then
   * pending guaranteed deletes are waited for, unless the server has refused them, and the session is ended. Without a connection
   * nothing is waited for, but that pending deletes give it 750 ms to come back. Idempotent; never rejects: what is left is a
   * `backgroundError` with the operation `left behind`. Without effect on what `usingNamespace` returned.
   *
   * @param options.timeoutMs bounds all of it: default 2,000, from 0 to 2^31-1. If the server has not answered for a while, 500 ms
   *   at most are waited for
   * @throws {RangeError} a wrong limit
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    if (this.#isRoot) await this.#engine.close(timeoutMs);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
