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

/** Events of a client. */
export interface ZooKeeperEvents {
  state: [state: ConnectionState];
  /** The servers have lost transactions that `lastZxidSeen` named. Told before the client counts as connected. */
  historyWentBack: [event: HistoryWentBack];
  /** A watch or a listener of the user threw; nothing else came of it. */
  callbackError: [error: unknown];
}

/**
 * A client: one session with an ensemble, kept through reconnects until it is closed or the server ends it.
 *
 * Paths are below the chroot of the connect string. Requests leave in the order of the calls, those of one tick in one write, and
 * results and events come in the order of the wire. Every method rejects with `TypeError` or `RangeError` for wrong arguments,
 * `KeeperError` and its kin when the server refuses, `ConnectionLossError` when no reply came, `SessionExpiredError`,
 * `AuthFailedError` or `ClosedError` when the session is over, `MarshallingError` for a frame over `maxFrameBytes`.
 */
export class ZooKeeper extends EventEmitter<ZooKeeperEvents> {
  readonly #session: Session;
  readonly #chroot: Chroot;
  readonly #watchers: WatcherSet;
  /** The last failure of each address, and of each look-up, until the first connection. */
  readonly #attempts = new Map<string, Error>();
  /** Resolves when a server has taken the credentials of the options. */
  readonly #authenticated: Promise<unknown>;
  /** Resolves when every server has failed by its TLS, before the first connection. */
  readonly #hopeless: Promise<void>;
  #giveUpHope!: () => void;
  #hasConnected = false;
  readonly #options: ZooKeeperOptions;
  readonly #runtime: Runtime;
  readonly #connectDeadlineMs: number;
  /** Attempts since the last connection that stood. */
  #attempt = 0;
  #historyWentBack: HistoryWentBack | null = null;
  #state: ConnectionState = 'connecting';

  /** Prepares a client that is not connected; use `ZooKeeper.connect`. */
  private constructor(connectString: string, options: ZooKeeperOptions, runtime: Runtime) {
    super();
    if (runtime === undefined) throw new TypeError('Expected ZooKeeper.connect or ZooKeeper.open, got new ZooKeeper');
    checkZooKeeperOptions(options);
    this.#options = options;
    this.#runtime = runtime;
    this.#connectDeadlineMs = options.connectDeadlineMs ?? 30_000;
    // Any number of users may follow the states of one session.
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
    // A refusal ends the session, of which the state and every request tell.
    this.#authenticated.catch(() => {});
  }

  /**
   * Connects to an ensemble and resolves when there is a session, and the chroot exists.
   *
   * @param connectString `host:port,host:port/chroot`; the port defaults to 2181
   * @throws ConnectFailedError with what each server said when `connectDeadlineMs` has passed or `signal` aborts;
   *   ChrootMissingError; SessionExpiredError if `session` is gone; AuthFailedError
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
   * Starts a client and does not wait: what is asked of it waits for a connection. `connectDeadlineMs` and `signal` have no
   * effect, and a chroot that is missing is told by `untilConnected` alone.
   */
  static open(connectString: string, options: ZooKeeperOptions = {}, runtime: Runtime = systemRuntime): ZooKeeper {
    const zookeeper = new ZooKeeper(connectString, options, runtime);
    zookeeper.#session.start();
    return zookeeper;
  }

  /**
   * Waits until the client is connected and the chroot exists.
   *
   * @param options.connectDeadlineMs as in `connect`; default 30,000
   * @throws as `connect`
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
        // The connection broke meanwhile: the chroot is looked for on the next one.
        if (!(error instanceof ConnectionLossError)) throw error;
      }
    }
  }

  /** Creates the chroot if it is missing and that is wanted. @throws ChrootMissingError if it is missing and that is not wanted */
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

  /** Id of the session, as `Stat.ephemeralOwner` has it. */
  get sessionId(): bigint {
    return this.#session.id;
  }
  /** With `sessionId` what another process needs to resume the session. Keep it secret. */
  get sessionPasswd(): Buffer {
    return Buffer.from(this.#session.passwd);
  }
  /** The negotiated timeout in milliseconds. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }
  get state(): ConnectionState {
    return this.#state;
  }
  /** The newest transaction whose effects this client has seen. */
  get lastZxid(): bigint {
    return this.#session.lastZxid;
  }
  /** `host:port` of the server now connected to, as configured; `null` when there is none. */
  get server(): string | null {
    return this.#session.server === null ? null : formatServer(this.#session.server);
  }
  /** What everything rejects with since the session has ended: how it ended. `null` before. */
  get endError(): Error | null {
    return this.#session.endError;
  }
  /** Whether the server has confirmed that the session is closed; without that it may live on for a session timeout. */
  get isCloseConfirmed(): boolean {
    return this.#session.isCloseConfirmed;
  }
  /** What the servers have lost of what `lastZxidSeen` named; `null` when that is nothing, or not known yet. */
  get historyWentBack(): HistoryWentBack | null {
    return this.#historyWentBack;
  }
  /** Milliseconds for which the session is certainly alive on the server, whatever happens to this process or the network; 0 when unknown. */
  validForMs(): number {
    return this.#session.validForMs;
  }

  /** Milliseconds since the oldest request was sent that the server has not answered; 0 when there is none. */
  unansweredForMs(): number {
    return this.#session.unansweredForMs;
  }

  /** Each state from now on, the present one first, until the session has ended. */
  states(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<ConnectionState> {
    checkOptions('states', requestChecks, options);
    return statesOf(this, options.signal);
  }

  /** Creates a znode; resolves with its path, the number of a sequential one included, and its `Stat`. */
  create(
    path: string,
    data: ZnodeData = null,
    options: CreateOptions & RequestOptions = {},
  ): Promise<{ path: string; stat: Stat }> {
    return this.#ask({ op: 'create', path, data }, options);
  }

  delete(path: string, options: VersionOptions & RequestOptions = {}): Promise<void> {
    return this.#ask({ op: 'delete', path }, options);
  }

  /** `null` when there is no such znode; a watch is set then as well, for its creation. */
  exists(path: string, options: ReadOptions = {}): Promise<Stat | null> {
    return this.#ask({ op: 'exists', path }, options);
  }

  getData(path: string, options: ReadOptions = {}): Promise<DataAndStat> {
    return this.#ask({ op: 'getData', path }, options);
  }

  setData(path: string, data: ZnodeData, options: VersionOptions & RequestOptions = {}): Promise<Stat> {
    return this.#ask({ op: 'setData', path, data }, options);
  }

  /** Names of the children, in no particular order. */
  getChildren(path: string, options: ReadOptions = {}): Promise<{ children: string[]; stat: Stat }> {
    return this.#ask({ op: 'getChildren', path }, options);
  }

  /** Without the permission ADMIN the server masks digests: never write such a list back. */
  getAcl(path: string, options: RequestOptions = {}): Promise<{ acl: Acl[]; stat: Stat }> {
    return this.#ask({ op: 'getAcl', path }, options);
  }

  /** `version` is that of the ACL, `Stat.aversion`. */
  setAcl(path: string, acl: readonly Acl[], options: VersionOptions & RequestOptions = {}): Promise<Stat> {
    return this.#ask({ op: 'setAcl', path, acl }, options);
  }

  /** Lets the server catch up with the leader: reads issued behind it see what was committed before it. They need not wait for it. */
  sync(path: string, options: RequestOptions = {}): Promise<void> {
    return this.#ask({ op: 'sync', path }, options);
  }

  /** All operations or none, as one transaction. @throws MultiError with the error of each operation */
  multi(ops: readonly MultiOp[], options: RequestOptions = {}): Promise<MultiResult[]> {
    return this.#ask({ op: 'multi', ops }, options);
  }

  /** Several reads in one round trip, each with its value or its own error. Servers from 3.6. */
  multiRead(ops: readonly ReadOp[], options: RequestOptions = {}): Promise<MultiReadResult[]> {
    return this.#ask({ op: 'multiRead', ops }, options);
  }

  /** Ephemerals of this session whose paths begin with `prefix`, letter by letter; all by default. Servers from 3.6. */
  getEphemerals(prefix = '/', options: RequestOptions = {}): Promise<string[]> {
    return this.#ask({ op: 'getEphemerals', path: prefix }, options);
  }

  /** Number of all descendants. Servers from 3.6. */
  getAllChildrenNumber(path: string, options: RequestOptions = {}): Promise<number> {
    return this.#ask({ op: 'getAllChildrenNumber', path }, options);
  }

  /** Identities of this connection: `ip` always, and what it authenticated as. Servers from 3.7. */
  whoAmI(options: RequestOptions = {}): Promise<ClientInfo[]> {
    return this.#ask({ op: 'whoAmI' }, options);
  }

  /**
   * Sets a watch that stays, also through reconnects. What happened while disconnected is not told for it: read again when the
   * state is `connected`. Servers from 3.6; before 3.9 they keep only the last mode set for a path.
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
   * Removes watches of a path; each removed watch function is told by an event of its own type.
   *
   * @throws NoWatcherError if there is none
   */
  async removeWatches(path: string, options: RemoveWatchesOptions & RequestOptions = {}): Promise<void> {
    checkOptions('removeWatches', removeWatchesChecks, options);
    await abortable(this.#watchers.remove(this.#chroot.serverPath(path), path, options), options.signal);
  }

  /** Adds credentials, also for every later connection. Resolves when a server has taken them; a refusal ends the session. */
  async addAuth(scheme: string, auth: Uint8Array | string, options: RequestOptions = {}): Promise<void> {
    checkOptions('addAuth', requestChecks, options);
    return abortable(this.#session.addAuth(scheme, authBytes({ scheme, auth })), options.signal);
  }

  /** The ensemble's configuration: one line a server, then its version in hexadecimal. Not below the chroot. */
  getConfig(options: ReadOptions = {}): Promise<DataAndStat> {
    return this.#ask({ op: 'getConfig' }, options);
  }

  /** Changes the ensemble; resolves with its new configuration. */
  reconfig(options: ReconfigOptions): Promise<DataAndStat> {
    return this.#ask({ op: 'reconfig' }, options);
  }

  /** Replaces the servers. Clients move to new ones with the probability that spreads them evenly; the session stays. */
  updateServerList(connectString: string): void {
    const { servers, chroot } = parseConnectString(connectString);
    if (chroot !== '' && chroot !== this.#chroot.root) {
      throw new TypeError(`Expected the chroot '${this.#chroot.root}' or none, got '${chroot}'`);
    }
    this.#session.updateServers(servers);
  }

  /**
   * Ends the session; its ephemerals go at once. Without a connection the server ends it after its timeout. Idempotent; never
   * rejects.
   *
   * @param options.timeoutMs how long the server's answer is waited for: default 2/3 of the session timeout, which is the most
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Sends a request that is described as plain data. The methods of this class are short names of it.
   *
   * @returns what the method of that name resolves with
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

  /** Sends a request by the method of its name, whose options are parts of the request. */
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

  /** Whether each known address was tried, and the last attempt at each failed by its TLS, which no further attempt changes. */
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
    // The raw ones, since those of `once` have to take themselves out.
    for (const listener of this.rawListeners('state')) this.#call(() => listener.call(this, state));
  }

  #call(callback: () => unknown): void {
    callSafely(callback, (error) => this.emit('callbackError', error));
  }
}
