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

/** Events of a `Keeper`, each with the value that its listeners receive. */
export interface KeeperEvents {
  /** New connection state. */
  readonly state: ConnectionState;
  /** The same change with its reason. The `Keeper` emits this event just before `state`. */
  readonly stateChange: StateChange;
  /**
   * Loss of transactions that this process has seen: the servers came back without their data, or from an older backup. Earlier fencing
   * tokens can be larger than later ones. The `Keeper` emits this event before the state changes with the reason `history`.
   */
  readonly historyWentBack: HistoryWentBack;
  /** Error of background work for which no caller waits. The `Keeper` also publishes the error on `BACKGROUND_ERROR_CHANNEL`. */
  readonly backgroundError: BackgroundError;
}

/**
 * Keepers over one engine, one for each namespace. All calls in a namespace share one `Keeper`, so a watch function always maps to the
 * same wrapper.
 */
type Family = Map<string, Keeper>;

/**
 * Connection to ZooKeeper that recovers from lost connections and lost sessions. It adds retries that never execute an operation twice,
 * namespaces, protected creates, guaranteed deletes, and a new session after the old one is lost.
 *
 * Verbs (`create()`, `delete()`, …) begin a builder that ends in `forPath`, or in `commit` for a transaction. The `Keeper` sends the
 * first attempt in the tick of that call.
 *
 * The `Keeper` repeats a failed operation, as the `retry` option says, only if the repetition cannot execute the operation twice. This
 * holds if the server did not execute the operation, or if the operation is safe to repeat. Reads are safe to repeat. A write is safe if
 * the caller made it so: `withProtection()`, `orSetData()`, `idempotent()`, `guaranteed()`, `quietly()`. Any other write with a lost
 * reply rejects with a `ConnectionLossError` of outcome `unknown`.
 */
export class Keeper {
  readonly #engine: Engine;
  readonly #family: Family;
  readonly #name: string;
  readonly #execution: Execution;
  readonly #isRoot: boolean;
  /** `Keeper` with the time limit, if this one is its `unlimited` variant; `null` if this `Keeper` itself has the limit. */
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
   * Connects, and resolves when the session is established and the chroot exists.
   *
   * @throws {TypeError} or {RangeError} when an option is wrong; the message names the option
   * @throws {ConnectFailedError} when `connectDeadlineMs` has passed or `signal` aborts; contains the failure at each server
   * @throws {ChrootMissingError} when the chroot of the connect string does not exist and `createChroot` is not set
   * @throws {AuthFailedError} when the server refuses the credentials
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
   * Begins to connect and returns at once. Until the session is established, the state is `SUSPENDED`, the session id 0n and the epoch 0,
   * and operations wait for the session. Connecting has no time limit: `connectDeadlineMs` and `signal` have no effect. If the server
   * refuses the credentials, the `Keeper` closes and its state becomes `LOST`.
   *
   * @throws {TypeError} or {RangeError} when an option is wrong; the message names the option
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
   * Waits until the `Keeper` is connected.
   *
   * @throws {ConnectFailedError} when `signal` aborts; contains the failure at each server, and its cause is the signal's reason
   * @throws {ChrootMissingError} when the chroot of the connect string does not exist and `createChroot` is not set
   * @throws {AuthFailedError} when the server refuses the credentials
   * @throws {ClosedError} when the `Keeper` is closed
   */
  async untilConnected(options: CallOptions = {}): Promise<void> {
    const signal = signalOf('untilConnected', options);
    await this.#engine.sessions.untilConnected(Number.POSITIVE_INFINITY, signal);
  }

  // Session and connection

  /**
   * Client of the newest session, for features that this API lacks. The client takes real paths only. After a `LOST` session this
   * property returns another client.
   */
  get zookeeper(): ZooKeeper {
    return this.#engine.sessions.zookeeper;
  }
  /** Id of the newest session, as in `Stat.ephemeralOwner`. */
  get sessionId(): bigint {
    return this.zookeeper.sessionId;
  }
  /** Negotiated timeout of the newest session, in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.zookeeper.sessionTimeoutMs;
  }
  /**
   * Ordinal of the newest session: 0 before the first session, 1 for the first. After the server has ended a session, the `Keeper` opens
   * a new one by itself.
   */
  get sessionEpoch(): number {
    return this.#engine.sessions.epoch;
  }
  /** Current connection state. */
  get connectionState(): ConnectionState {
    return this.#engine.sessions.state;
  }
  /**
   * Whether the `Keeper` rejects all further operations. True after `close` was called on the `Keeper` that `connect` returned
   * (`ClosedError`), or after the server refused the credentials (`AuthFailedError`).
   */
  get closed(): boolean {
    return this.#engine.sessions.over.aborted;
  }
  /** Namespace that contains all paths of this `Keeper`; empty if there is no namespace. */
  get namespace(): string {
    return this.#name;
  }

  /** Returns the milliseconds for which the session is certainly alive on the server, computed now; 0 if that time is over or not known. */
  validForMs(): number {
    return this.#engine.sessions.validForMs();
  }

  /**
   * Iterates over the current connection state and every later state, without gaps, until the `Keeper` is closed. Rejects with the
   * signal's reason.
   */
  connectionStates(options: CallOptions = {}): AsyncIterableIterator<ConnectionState> {
    return this.#engine.states(signalOf('connectionStates', options));
  }

  /** Adds a listener. An error that the listener throws becomes a `backgroundError` event and has no other effect. */
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
   * Reports an error of a recipe's background work, for which no caller waits, as a `backgroundError` event.
   *
   * @param operation short description of the failed work
   * @param path path that the work concerned, relative to this namespace; `null` for no particular path
   */
  reportBackgroundError(error: unknown, operation: string, path: string | null = null): void {
    this.#engine.diagnostics.report(error, operation, path === null ? null : this.#execution.namespace.toReal(path));
  }

  /**
   * Returns a `Keeper` over the same session with another root. Its `close` does nothing: the session belongs to the `Keeper` that
   * `connect` returned.
   *
   * @param name namespace relative to the root of the connect string, not to this namespace; empty for that root itself
   * @throws {RangeError} when `name` is not a valid namespace
   */
  usingNamespace(name: string): Keeper {
    const keeper = this.#family.get(checkNamespace(name)) ?? new Keeper(this.#engine, this.#family, name, false);
    return this.#limited === null ? keeper : keeper.unlimited;
  }

  // The time limit of operations

  /** Longest duration of one operation of the `limited` keeper, in milliseconds. */
  get operationTimeoutMs(): number {
    return this.#engine.operationTimeoutMs;
  }
  /**
   * Variant of this `Keeper` without the limit `operationTimeoutMs`. Recipes use it: they wait as long as their caller's signal allows,
   * and clean up without a time limit. Always the same object; its `close` does nothing.
   */
  get unlimited(): Keeper {
    if (this.#limited !== null) return this;
    this.#unlimited ??= new Keeper(this.#engine, this.#family, this.#name, false, this);
    return this.#unlimited;
  }
  /** Variant of this `Keeper` whose operations end within `operationTimeoutMs`: the object that `connect` or `usingNamespace` returned. */
  get limited(): Keeper {
    return this.#limited ?? this;
  }

  // Reading

  /** Checks whether a znode exists. */
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
  /** Brings the session's server up to date with the leader. */
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
  /** Begins a transaction: the server executes all of its operations, or none. */
  transaction(): Transaction {
    return new Transaction(this.#execution);
  }

  // Watching; `watching` of the reads sets watches that fire once

  /** Sets a persistent watch, which stays after it fires. */
  watch(): WatchBuilder {
    return new WatchBuilder(this.#execution);
  }
  /**
   * Removes a watch.
   *
   * @param listener the same function with which the watch was set
   */
  removeWatch(listener: (event: WatchedEvent) => void): RemoveWatchBuilder {
    return new RemoveWatchBuilder(this.#execution, listener);
  }

  // The end

  /**
   * Ends the session, and with it all of its ephemerals and watches. Idempotent; never rejects, except for a wrong limit. Has no effect
   * on a `Keeper` that `usingNamespace` returned.
   *
   * The state becomes `LOST` at once, so that holders stop first. Then `close` waits for pending guaranteed deletes, except those that
   * the servers have refused, and ends the session. Without a connection `close` does not wait, but pending deletes give the connection
   * 750 ms to come back. Remaining work becomes a `backgroundError` with the operation `left behind`.
   *
   * @param options.timeoutMs limit of the whole call: default 2,000, from 0 to 2^31-1. If a request is already unanswered, its age is
   *   subtracted from the limit, down to 500 ms
   * @throws {RangeError} when the limit is out of range
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    if (this.#isRoot) await this.#engine.close(timeoutMs);
  }

  /** Closes the `Keeper` like `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
