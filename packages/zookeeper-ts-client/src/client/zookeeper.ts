import { EventEmitter } from 'node:events';
import { checkOptions, numberFrom } from '../checks/option-checks.js';
import { ChrootMissingError, ConnectionLossError, NodeExistsError, TlsError } from '../errors/errors.js';
import type { Acl } from '../protocol/acl.js';
import type { ClientInfo } from '../protocol/operations/auth.js';
import type { Stat } from '../protocol/stat.js';
import { formatCandidate } from '../servers/candidate.js';
import { formatServer, parseConnectString } from '../servers/connect-string.js';
import type { RequestSignal } from '../session/request-signal.js';
import { Session } from '../session/session.js';
import type { HistoryWentBack } from '../session/session-options.js';
import type { ConnectionState } from '../session/session-state.js';
import { endEvent, type WatchedEvent, type WatchedEventType, type Watcher } from '../watches/watched-event.js';
import {
  type RemoveWatchesOptions,
  removeWatchesChecks,
  WatcherSet,
  type WatchHandle,
} from '../watches/watcher-set.js';
import type { AddWatchMode } from '../watches/watcher-type.js';
import { abortable } from './abortable.js';
import { callSafely } from './callbacks.js';
import { Chroot } from './chroot.js';
import { untilConnected } from './first-connection.js';
import type { MultiOp, MultiReadResult, MultiResult, ReadOp } from './op.js';
import {
  checkConnectOptions,
  checkZooKeeperOptions,
  type Runtime,
  sessionOptions,
  systemRuntime,
  type ZooKeeperOptions,
} from './options.js';
import { authBytes, type ZnodeData } from './request-arguments.js';
import {
  type CreateOptions,
  type ReadOptions,
  type ReconfigOptions,
  type RequestOptions,
  requestChecks,
  type VersionOptions,
} from './request-options.js';
import {
  checkMethodOptions,
  checkRequest,
  type DataAndStat,
  exchangeFor,
  type Request,
  type ResponseOf,
} from './requests.js';
import { hasEnded, statesOf } from './states.js';

/** Events that a client emits. */
export interface ZooKeeperEvents {
  /** The connection state changed; the argument is the new state. */
  state: [state: ConnectionState];
  /** The servers have lost transactions up to `lastZxidSeen`. The client emits this event before its state becomes `connected`. */
  historyWentBack: [event: HistoryWentBack];
  /** A watcher, a listener or another callback of the caller threw or rejected. The error has no other effect. */
  callbackError: [error: unknown];
}

/**
 * ZooKeeper client: one session with an ensemble. The client keeps the session through reconnects until the caller closes the client
 * or the server ends the session.
 *
 * All paths are relative to the chroot of the connect string. The client sends requests in the order of the calls, and combines the
 * requests of one tick of the event loop into one write. Results and events arrive in the order in which the server sends them.
 *
 * Every method rejects with:
 * - `TypeError` or `RangeError` when an argument is wrong;
 * - `KeeperError` or a subclass when the server refuses the request;
 * - `ConnectionLossError` when no reply came;
 * - `SessionExpiredError`, `AuthFailedError` or `ClosedError` when the session has ended;
 * - `MarshallingError` when a frame is larger than `maxFrameBytes`.
 */
export class ZooKeeper extends EventEmitter<ZooKeeperEvents> {
  readonly #session: Session;
  readonly #chroot: Chroot;
  readonly #watchers: WatcherSet;
  /** Last failure of each address and of each name look-up, until the first connection. */
  readonly #attempts = new Map<string, Error>();
  /** Resolves when a server has accepted the credentials of `options.auth`. */
  readonly #authenticated: Promise<unknown>;
  /** Resolves when the connection to every server has failed because of TLS before the first connection. */
  readonly #hopeless: Promise<void>;
  #giveUpHope!: () => void;
  #hasConnected = false;
  readonly #options: ZooKeeperOptions;
  readonly #runtime: Runtime;
  readonly #connectDeadlineMs: number;
  /** Number of failed attempts since the last established connection. */
  #attempt = 0;
  #historyWentBack: HistoryWentBack | null = null;
  #state: ConnectionState = 'connecting';

  /** Creates a client that is not connected. Use `ZooKeeper.connect` instead. */
  private constructor(connectString: string, options: ZooKeeperOptions, runtime: Runtime) {
    super();
    if (runtime === undefined) throw new TypeError('Expected ZooKeeper.connect or ZooKeeper.open, got new ZooKeeper');
    checkZooKeeperOptions(options);
    this.#options = options;
    this.#runtime = runtime;
    this.#connectDeadlineMs = options.connectDeadlineMs ?? 30_000;
    // Without a limit: any number of listeners may observe the states of one session.
    this.setMaxListeners(0);
    this.#hopeless = new Promise((resolve) => {
      this.#giveUpHope = resolve;
    });
    const { servers, chroot } = parseConnectString(connectString);
    this.#chroot = new Chroot(chroot);
    const settings = sessionOptions(options, runtime);
    this.#session = new Session(servers, settings, {
      onState: (state) => this.#announce(state),
      onEvent: (event) => this.#watchers.fire(event),
      onRestore: () => this.#watchers.restore(),
      onAttemptFailed: (server, cause) => this.#reportAttempt(formatCandidate(server), cause),
      onHistoryWentBack: (event) => {
        this.#historyWentBack = event;
        for (const listener of this.rawListeners('historyWentBack')) this.#call(() => listener.call(this, event));
      },
      onEnd: (reason) => {
        for (const watcher of this.#watchers.clear()) this.#call(() => watcher(endEvent(reason)));
      },
    });
    this.#watchers = new WatcherSet(this.#session, settings.maxFrameBytes, {
      deliver: (watcher, type, path) => this.#deliver(watcher, type, path),
      end: (watcher) => this.#call(() => watcher(endEvent('closed'))),
    });
    const credentials = (options.auth ?? []).map((auth) => this.#session.addAuth(auth.scheme, authBytes(auth)));
    this.#authenticated = Promise.all(credentials);
    // The rejection needs no handler here: a refusal ends the session, and the state and every request report that end.
    this.#authenticated.catch(() => {});
  }

  /**
   * Connects to an ensemble. Resolves when the session is established and the chroot exists.
   *
   * @param connectString `host:port,host:port/chroot`; the port defaults to 2181
   * @throws {ConnectFailedError} when `connectDeadlineMs` passes, `signal` aborts, or every server fails because of TLS; the error
   *   contains the last failure at each server
   * @throws {ChrootMissingError} when the chroot does not exist and `createChroot` is not set
   * @throws {SessionExpiredError} when the session of `options.session` no longer exists
   * @throws {AuthFailedError} when the server refuses the credentials
   */
  static async connect(
    connectString: string,
    options: ZooKeeperOptions = {},
    runtime: Runtime = systemRuntime,
  ): Promise<ZooKeeper> {
    const zookeeper = new ZooKeeper(connectString, options, runtime);
    try {
      if (!options.signal?.aborted) zookeeper.#session.start();
      await zookeeper.untilConnected({ signal: options.signal });
    } catch (error) {
      void zookeeper.close();
      throw error;
    }
    return zookeeper;
  }

  /**
   * Starts a client without waiting for a connection. Requests wait until the client is connected.
   *
   * `connectDeadlineMs` and `signal` have no effect. Only `untilConnected` reports a missing chroot.
   */
  static open(connectString: string, options: ZooKeeperOptions = {}, runtime: Runtime = systemRuntime): ZooKeeper {
    const zookeeper = new ZooKeeper(connectString, options, runtime);
    zookeeper.#session.start();
    return zookeeper;
  }

  /**
   * Waits until the client is connected and the chroot exists.
   *
   * @param options.connectDeadlineMs longest wait in milliseconds, as in `connect`; default: the value given to `connect` or `open`,
   *   else 30,000
   * @throws the same errors as `connect`
   */
  async untilConnected(options: Pick<ZooKeeperOptions, 'signal' | 'connectDeadlineMs'> = {}): Promise<void> {
    checkConnectOptions('untilConnected', options);
    const { signal, connectDeadlineMs: limitMs = this.#connectDeadlineMs } = options;
    const { clock } = this.#runtime;
    const limits = {
      signal,
      authenticated: this.#authenticated,
      hopeless: this.#hopeless,
      connectDeadlineMs: limitMs,
      deadlineAtMs: clock.now() + limitMs,
      clock,
    };
    for (;;) {
      await untilConnected(this, this.#attempts, limits);
      try {
        return await this.#checkChroot(signal);
      } catch (error) {
        // The connection was lost during the check: repeat the check on the next connection.
        if (!(error instanceof ConnectionLossError)) throw error;
      }
    }
  }

  /**
   * Checks that the chroot exists, and creates a missing chroot if `createChroot` is true.
   *
   * @throws {ChrootMissingError} when the chroot is missing and `createChroot` is not true
   */
  async #checkChroot(signal: AbortSignal | undefined): Promise<void> {
    const { root } = this.#chroot;
    if (root === '' || (await this.exists('/', { signal })) !== null) return;
    if (this.#options.createChroot !== true) throw new ChrootMissingError(root);
    const absolute = { chroot: new Chroot(''), watchers: this.#watchers, signal };
    const names = root.slice(1).split('/');
    const created = names.map((_, index) => {
      const path = `/${names.slice(0, index + 1).join('/')}`;
      return this.#session.request(exchangeFor({ op: 'create', path }, absolute)).catch((error: unknown) => {
        if (!(error instanceof NodeExistsError)) throw error;
      });
    });
    await Promise.all(created);
  }

  /** Id of the session, in the same form as `Stat.ephemeralOwner`. */
  get sessionId(): bigint {
    return this.#session.id;
  }
  /** Password of the session. With `sessionId` and this password another process can resume the session, so keep it secret. */
  get sessionPasswd(): Buffer {
    return Buffer.from(this.#session.passwd);
  }
  /** Negotiated session timeout in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }
  /** Current state of the connection. */
  get state(): ConnectionState {
    return this.#state;
  }
  /** Zxid of the newest transaction whose effects this client has seen. */
  get lastZxid(): bigint {
    return this.#session.lastZxid;
  }
  /** `host:port` of the connected server, as configured; `null` when the client is not connected. */
  get server(): string | null {
    return this.#session.server === null ? null : formatServer(this.#session.server);
  }
  /** Error with which every request rejects after the session has ended, which says how the session ended; `null` before. */
  get endError(): Error | null {
    return this.#session.endError;
  }
  /**
   * Whether the server has confirmed that the session is closed. Without the confirmation the session may live for another session
   * timeout.
   */
  get isCloseConfirmed(): boolean {
    return this.#session.isCloseConfirmed;
  }
  /**
   * Report that the servers have lost transactions up to `lastZxidSeen`; `null` when they have lost none, or when the client does not
   * know yet.
   */
  get historyWentBack(): HistoryWentBack | null {
    return this.#historyWentBack;
  }
  /**
   * Returns the number of milliseconds for which the session is certainly alive on the server, even if this process or the network
   * fails. Returns 0 when this time is not known.
   */
  validForMs(): number {
    return this.#session.validForMs;
  }

  /** Returns the number of milliseconds since the client sent the oldest unanswered request; 0 when no request is unanswered. */
  unansweredForMs(): number {
    return this.#session.unansweredForMs;
  }

  /**
   * Iterates over the states of the connection: first the current state, then each later state, until the session has ended.
   *
   * @param options.signal ends the iteration: the iterator rejects with the signal's reason
   */
  states(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<ConnectionState> {
    checkOptions('states', requestChecks, options);
    return statesOf(this, options.signal);
  }

  /**
   * Creates a znode. Resolves with its `Stat` and its path; the path of a sequential znode includes its sequence number.
   *
   * @throws {NodeExistsError} when the znode exists already
   * @throws {NoNodeError} when the parent does not exist
   */
  create(
    path: string,
    data: ZnodeData = null,
    options: CreateOptions & RequestOptions = {},
  ): Promise<{ path: string; stat: Stat }> {
    return this.#ask({ op: 'create', path, data }, options);
  }

  /**
   * Deletes a znode that has no children.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {NotEmptyError} when the znode has children
   * @throws {BadVersionError} when the znode has another version than `options.version`
   */
  delete(path: string, options: VersionOptions & RequestOptions = {}): Promise<void> {
    return this.#ask({ op: 'delete', path }, options);
  }

  /**
   * Reads the `Stat` of a znode; resolves with `null` when the znode does not exist. A watch on a missing znode reports its creation.
   */
  exists(path: string, options: ReadOptions = {}): Promise<Stat | null> {
    return this.#ask({ op: 'exists', path }, options);
  }

  /**
   * Reads the data and the `Stat` of a znode.
   *
   * @throws {NoNodeError} when the znode does not exist
   */
  getData(path: string, options: ReadOptions = {}): Promise<DataAndStat> {
    return this.#ask({ op: 'getData', path }, options);
  }

  /**
   * Replaces the data of a znode. Resolves with the new `Stat`.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {BadVersionError} when the znode has another version than `options.version`
   */
  setData(path: string, data: ZnodeData, options: VersionOptions & RequestOptions = {}): Promise<Stat> {
    return this.#ask({ op: 'setData', path, data }, options);
  }

  /** Reads the names of the children, in no particular order, and the `Stat` of the parent. */
  getChildren(path: string, options: ReadOptions = {}): Promise<{ children: string[]; stat: Stat }> {
    return this.#ask({ op: 'getChildren', path }, options);
  }

  /** Reads the ACL of a znode. Without the permission ADMIN the server masks digests: never write such a masked list back. */
  getAcl(path: string, options: RequestOptions = {}): Promise<{ acl: Acl[]; stat: Stat }> {
    return this.#ask({ op: 'getAcl', path }, options);
  }

  /** Replaces the ACL of a znode. `options.version` is the expected version of the ACL, which is `Stat.aversion`. */
  setAcl(path: string, acl: readonly Acl[], options: VersionOptions & RequestOptions = {}): Promise<Stat> {
    return this.#ask({ op: 'setAcl', path, acl }, options);
  }

  /**
   * Makes the server catch up with the leader. Reads that the client sends after a `sync` see everything that was committed before it.
   * These reads need not wait for the reply to the `sync`.
   */
  sync(path: string, options: RequestOptions = {}): Promise<void> {
    return this.#ask({ op: 'sync', path }, options);
  }

  /**
   * Runs all operations as one transaction: either all succeed, or none has an effect.
   *
   * @throws {MultiError} when an operation fails; the error lists the error of each operation
   */
  multi(ops: readonly MultiOp[], options: RequestOptions = {}): Promise<MultiResult[]> {
    return this.#ask({ op: 'multi', ops }, options);
  }

  /** Runs several reads in one round trip. Each read resolves to its value or its own error. Requires servers from 3.6. */
  multiRead(ops: readonly ReadOp[], options: RequestOptions = {}): Promise<MultiReadResult[]> {
    return this.#ask({ op: 'multiRead', ops }, options);
  }

  /**
   * Lists the ephemerals of this session whose paths begin with `prefix`. The server compares characters, not path segments. Default:
   * all ephemerals of the session. Requires servers from 3.6.
   */
  getEphemerals(prefix = '/', options: RequestOptions = {}): Promise<string[]> {
    return this.#ask({ op: 'getEphemerals', path: prefix }, options);
  }

  /** Counts all descendants of a znode. Requires servers from 3.6. */
  getAllChildrenNumber(path: string, options: RequestOptions = {}): Promise<number> {
    return this.#ask({ op: 'getAllChildrenNumber', path }, options);
  }

  /**
   * Lists the identities of this connection: always the identity `ip`, and one identity for each authentication. Requires servers from
   * 3.7.
   */
  whoAmI(options: RequestOptions = {}): Promise<ClientInfo[]> {
    return this.#ask({ op: 'whoAmI' }, options);
  }

  /**
   * Sets a persistent watch, which remains after each event and after reconnects.
   *
   * The watch does not report changes that happened while the client was disconnected: read again when the state becomes `connected`.
   * Requires servers from 3.6. Servers before 3.9 keep only the last mode that was set for a path.
   */
  async addWatch(
    path: string,
    mode: AddWatchMode,
    listener: Watcher,
    options: RequestOptions = {},
  ): Promise<WatchHandle> {
    return await this.#watchers.add(this.#chroot.serverPath(path), path, mode, listener, options);
  }

  /**
   * Removes watches of a path. Each removed watcher receives an event of the matching type, such as `DataWatchRemoved`.
   *
   * @throws {NoWatcherError} when the path has no such watch
   */
  async removeWatches(path: string, options: RemoveWatchesOptions & RequestOptions = {}): Promise<void> {
    checkOptions('removeWatches', removeWatchesChecks, options);
    await abortable(this.#watchers.remove(this.#chroot.serverPath(path), path, options), options.signal);
  }

  /**
   * Adds credentials to this connection and every later one. Resolves when a server has accepted the credentials; a refusal ends the
   * session.
   */
  async addAuth(scheme: string, auth: Uint8Array | string, options: RequestOptions = {}): Promise<void> {
    checkOptions('addAuth', requestChecks, options);
    return abortable(this.#session.addAuth(scheme, authBytes({ scheme, auth })), options.signal);
  }

  /**
   * Reads the configuration of the ensemble: one line for each server, then the version in hexadecimal. The chroot does not apply to
   * this znode.
   */
  getConfig(options: ReadOptions = {}): Promise<DataAndStat> {
    return this.#ask({ op: 'getConfig' }, options);
  }

  /** Changes the configuration of the ensemble. Resolves with the new configuration. */
  reconfig(options: ReconfigOptions): Promise<DataAndStat> {
    return this.#ask({ op: 'reconfig' }, options);
  }

  /**
   * Replaces the list of servers. The client may move to a new server, with the probability that spreads all clients evenly; the
   * session continues.
   *
   * @throws {TypeError} when the connect string has a chroot other than the client's
   */
  updateServerList(connectString: string): void {
    const { servers, chroot } = parseConnectString(connectString);
    if (chroot !== '' && chroot !== this.#chroot.root) {
      throw new TypeError(`Expected the chroot '${this.#chroot.root}' or none, got '${chroot}'`);
    }
    this.#session.updateServers(servers);
  }

  /**
   * Ends the session; the server deletes its ephemerals at once. Without a connection the server ends the session after the session
   * timeout. `close` is idempotent and never rejects.
   *
   * @param options.timeoutMs longest wait for the server's reply, in milliseconds. Default and maximum: 2/3 of the session timeout
   */
  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions('close', { timeoutMs: numberFrom(0) }, options);
    const { timeoutMs = Number.POSITIVE_INFINITY } = options;
    return new Promise((resolve) => {
      const onState = (): void => {
        if (!hasEnded(this.#state)) return;
        this.off('state', onState);
        resolve();
      };
      this.on('state', onState);
      this.#session.close(timeoutMs);
      onState();
    });
  }

  /** Closes the client at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Sends a request that is described as plain data. The other request methods are short forms of `send`.
   *
   * @returns the same result as the method with the name `request.op`
   */
  send<R extends Request>(request: R, options: RequestOptions = {}): Promise<ResponseOf<R>> {
    try {
      checkRequest(request);
      checkOptions('send', requestChecks, options);
      return this.#send(request, options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends a request for the method of the same name. The options of the method become parts of the request. */
  #ask<R extends Request>(request: R, options: RequestOptions): Promise<ResponseOf<R>> {
    try {
      checkMethodOptions(request.op, options);
      return this.#send({ ...options, ...request }, options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #send<R extends Request>(request: R, signal: RequestSignal | undefined): Promise<ResponseOf<R>> {
    return this.#session.request(exchangeFor(request, { chroot: this.#chroot, watchers: this.#watchers, signal }));
  }

  #deliver(watcher: Watcher, type: WatchedEventType, serverPath: string): void {
    const state =
      this.#state === 'connected-read-only'
        ? 'ConnectedReadOnly'
        : this.#session.isConnected
          ? 'SyncConnected'
          : 'Disconnected';
    const event: WatchedEvent = { type, state, path: this.#chroot.toClient(serverPath) };
    this.#call(() => watcher(event));
  }

  #reportAttempt(server: string, error: Error): void {
    this.#attempts.set(server, error);
    const attempt = ++this.#attempt;
    if (!this.#hasConnected && this.#hasFailedByTls()) this.#giveUpHope();
    this.#call(() => this.#options.onAttemptFailed?.({ server, error, attempt }));
  }

  /**
   * Whether the client has tried every known address and the last attempt at each address failed because of TLS. Further attempts
   * would fail in the same way.
   */
  #hasFailedByTls(): boolean {
    const failures = [...this.#attempts.values()];
    return failures.length >= this.#session.candidateCount && failures.every((error) => error instanceof TlsError);
  }

  #announce(state: ConnectionState): void {
    if (state === this.#state && state !== 'connecting') return;
    this.#state = state;
    if (state === 'connected' || state === 'connected-read-only') {
      this.#attempt = 0;
      this.#hasConnected = true;
    }
    // `rawListeners` returns the wrappers of `once`, which remove themselves when they are called.
    for (const listener of this.rawListeners('state')) this.#call(() => listener.call(this, state));
  }

  #call(callback: () => unknown): void {
    callSafely(callback, (error) => this.emit('callbackError', error));
  }
}
