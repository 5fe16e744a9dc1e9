import { aBoolean, aFunction, anything, aSignal, type ChecksOf, checkOptions } from '../checks/option-checks.js';
import { received } from '../checks/received.js';
import { ErrorCode } from '../errors/error-code.js';
import { ClosedError, ConnectionLossError, NoWatcherError, SessionExpiredError } from '../errors/errors.js';
import type { ReadRequest } from '../protocol/operations/exists.js';
import { addWatch, removeWatches } from '../protocol/operations/watches.js';
import type { WatcherEvent } from '../protocol/watcher-event.js';
import type { ExchangeOptions } from '../session/exchange.js';
import type { RequestSignal } from '../session/request-signal.js';
import type { Session } from '../session/session.js';
import { isHiddenByRecursive, mayRemove, mustAskServer, removalAfterRefusal } from './old-servers.js';
import { type Registration, Registrations } from './registrations.js';
import { Restoring } from './restoring.js';
import { type WatchKind, WatchTable } from './watch-table.js';
import { eventTypeOf, type WatchedEventType, type Watcher } from './watched-event.js';
import { AddWatchMode, modeTraits, removedEvents, typeOf, typeTraits, type WatcherType } from './watcher-type.js';

interface SignalOption {
  readonly signal?: RequestSignal | undefined;
}

/** Selection of the watches to remove. */
export interface RemoveWatchesOptions {
  /** Type of the watches. Default `ANY`. */
  readonly type?: WatcherType | undefined;
  /** Watcher whose watches are removed. Default: all watchers of that type. */
  readonly listener?: Watcher | undefined;
  /** Whether the watches count as removed even if the server's answer is an error. Default false. */
  readonly local?: boolean | undefined;
}

const addWatchChecks: ChecksOf<SignalOption> = { signal: aSignal };
/** Checks for the options of `removeWatches`. The value of `type` is checked with the request. */
export const removeWatchesChecks: ChecksOf<RemoveWatchesOptions & SignalOption> = {
  ...addWatchChecks,
  type: anything,
  listener: aFunction,
  local: aBoolean,
};

/** Handle of a persistent watch. */
export interface WatchHandle {
  /** Removes the watch. Idempotent. */
  remove(): Promise<void>;
}

/** Calls of the watchers. Paths are server paths. */
export interface WatcherCalls {
  deliver(watcher: Watcher, type: WatchedEventType, path: string): void;
  /** Tells a watcher that no further event will come, because the server does not know its kind of watch. */
  end(watcher: Watcher): void;
}

/** Part of a request that registers its watch. */
type WatchHooks<Request> = Pick<ExchangeOptions<Request, never, never>, 'request' | 'onReply' | 'onLost'>;

interface RegistrationOptions<Request> {
  readonly kind: WatchKind;
  readonly path: string;
  readonly watcher: Watcher;
  readonly signal: RequestSignal | undefined;
  /** Builds the request when it is written, because only then are all earlier requests on the wire known. */
  readonly request: () => Request;
  /** Returns the kind of watch that the server has set after this reply; `null` for none. */
  readonly kindAfter: (err: number) => WatchKind | null;
}

/**
 * Watches of a session. Sets and removes watches, and keeps the watches on the server consistent with those that the caller wants.
 * Paths are server paths.
 */
export class WatcherSet {
  readonly #session: Session;
  readonly #calls: WatcherCalls;
  readonly #table = new WatchTable<Watcher>();
  readonly #registrations = new Registrations();
  readonly #restoring: Restoring;
  /**
   * Types of watches to remove from the server, by path. The removal waits until no request is in flight that may set a watch on the
   * path.
   */
  readonly #postponed = new Map<string, Set<WatcherType>>();

  /** @param maxFrameBytes largest size in bytes of a request that restores watches */
  constructor(session: Session, maxFrameBytes: number, calls: WatcherCalls) {
    this.#session = session;
    this.#calls = calls;
    this.#restoring = new Restoring(session, this.#table, maxFrameBytes, (path) => this.#endPersistent(path));
  }

  /** Restores all watches. The session calls it on each new connection, before it sends any request of the caller. */
  restore(): void {
    this.#restoring.all();
  }

  /** Delivers an event of the server to the watchers that it concerns. */
  fire(event: WatcherEvent): void {
    const type = eventTypeOf(event.type);
    const watchers = this.#table.fire(event.type, event.path);
    if (type !== null) for (const watcher of watchers) this.#calls.deliver(watcher, type, event.path);
  }

  /** Removes all watches and returns each watcher once. */
  clear(): ReadonlySet<Watcher> {
    return this.#table.clear();
  }

  /**
   * Prepares a read, with a one-shot watch if `watcher` is given. The watch is registered in the frame handler of the reply, so that
   * no event can come before the registration.
   */
  read(
    kind: 'data' | 'child' | 'exists',
    path: string,
    watcher: Watcher | undefined,
    signal: RequestSignal | undefined,
  ): WatchHooks<ReadRequest> {
    if (watcher === undefined) return { request: { path, watch: false } };
    const asked = kind === 'child' ? 'child' : 'data';
    const mustAsk = (): boolean => mustAskServer(asked, (other) => this.#isSet(other, path));
    let isAsked = false;
    const hooks = this.#register({
      kind: asked,
      path,
      watcher: checkedWatcher(watcher),
      signal,
      request: () => {
        isAsked = mustAsk();
        return { path, watch: isAsked };
      },
      kindAfter: (err) => {
        if (kind === 'exists') return err === ErrorCode.OK ? 'data' : err === ErrorCode.NONODE ? 'exist' : null;
        return err === ErrorCode.OK ? kind : null;
      },
    });
    return {
      ...hooks,
      onReply: (err) => {
        hooks.onReply?.(err);
        // The persistent watch that should have covered this watch has been refused or removed.
        if (!isAsked && mustAsk()) this.#restoring.path(path);
      },
    };
  }

  /**
   * Sets a persistent watch.
   *
   * @param clientPath path for errors
   */
  async add(
    path: string,
    clientPath: string,
    mode: AddWatchMode,
    watcher: Watcher,
    options: SignalOption,
  ): Promise<WatchHandle> {
    checkOptions('addWatch', addWatchChecks, options);
    const { signal } = options;
    const { wire, kind } = modeTraits[checkedMode(mode)];
    await this.#session.request({
      operation: addWatch,
      path: clientPath,
      signal,
      result: () => undefined,
      ...this.#register({
        kind,
        path,
        watcher: checkedWatcher(watcher),
        signal,
        request: () => ({ path, mode: wire }),
        kindAfter: (err) => (err === ErrorCode.OK ? kind : null),
      }),
    });
    let removal: Promise<void> | null = null;
    const remove = (): Promise<void> => this.remove(path, clientPath, { type: mode, listener: watcher, local: true });
    return { remove: () => (removal ??= remove().catch(allowNoWatcher)) };
  }

  /**
   * Removes the selected watches of a path.
   *
   * @param clientPath path for errors
   * @throws {NoWatcherError} when the path has no such watch
   */
  async remove(path: string, clientPath: string, options: RemoveWatchesOptions): Promise<void> {
    const { type = 'ANY', listener, local = false } = options;
    const removed = typeTraits[checkedType(type)].kinds.flatMap((kind) =>
      this.#table.remove(kind, path, listener).map((watcher) => ({ kind, watcher })),
    );
    if (removed.length === 0) throw new NoWatcherError(ErrorCode.NOWATCHER, 'removeWatches', clientPath);
    try {
      await this.#removeFromServer(path, type, clientPath);
    } catch (error) {
      if (!local && !isGone(error)) {
        for (const { kind, watcher } of removed) this.#table.add(kind, path, watcher);
        throw error;
      }
    }
    for (const { kind, watcher } of removed) this.#calls.deliver(watcher, removedEvents[kind], path);
  }

  /** Whether a watch of the kind exists, or its request is on the wire. */
  #isSet(kind: WatchKind, path: string): boolean {
    return this.#table.has(kind, path) || this.#registrations.isWritten(kind, path);
  }

  #register<Request>(options: RegistrationOptions<Request>): WatchHooks<Request> {
    const { kind, path, request, kindAfter } = options;
    const registration: Registration = this.#registrations.begin(kind, path);
    return {
      request: () => {
        this.#registrations.written(registration);
        return request();
      },
      onReply: (err) => {
        this.#registrations.finish(registration);
        this.#registered(kindAfter(err), options);
        this.#removePostponed(path);
      },
      onLost: () => {
        this.#registrations.finish(registration);
        this.#removePostponed(path);
      },
    };
  }

  #registered(kind: WatchKind | null, { path, watcher, signal }: RegistrationOptions<unknown>): void {
    if (kind === null) return;
    if (signal?.aborted) {
      // The caller no longer wants the watch that the server has just set. A failed removal is harmless: the watch ends with its
      // connection, or fires once without a watcher.
      this.#removeFromServer(path, typeOf[kind], path).catch(() => {});
      return;
    }
    this.#table.add(kind, path, watcher);
    if (kind === 'recursive' && isHiddenByRecursive(this.#table, 'child', path)) this.#restoring.path(path);
  }

  /**
   * Removes watches that were left on the server because a request in flight might have needed them. Watches that are needed now stay.
   */
  #removePostponed(path: string): void {
    const types = this.#postponed.get(path);
    if (types === undefined || this.#registrations.isUnderWay(path)) return;
    this.#postponed.delete(path);
    for (const type of types) this.#removeFromServer(path, type, path).catch(() => {});
  }

  /** Removes watches of a type from the server, unless this client still needs them. */
  async #removeFromServer(path: string, type: WatcherType, clientPath: string): Promise<void> {
    if (this.#registrations.isUnderWay(path)) {
      this.#postponed.set(path, (this.#postponed.get(path) ?? new Set()).add(type));
    }
    if (!this.#canRemove(path, type)) return;
    // Restores in the frame handler of the reply, so that the client misses no change between the removal and the restore.
    const onReply = (err: number): void => {
      if (typeTraits[type].isPersistent && err === ErrorCode.OK) this.#restoring.path(path);
    };
    try {
      await this.#requestRemoval(path, typeTraits[type].wire, clientPath, { onReply });
    } catch (error) {
      const other = removalAfterRefusal(type, error);
      if (other === null) throw error;
      if (!this.#canRemove(path, type)) return;
      const removal = this.#requestRemoval(path, other, clientPath, { ahead: true });
      this.#restoring.path(path);
      await removal;
    }
  }

  /** Whether a removal must be sent now. Without a connection the server has no watches to remove. */
  #canRemove(path: string, type: WatcherType): boolean {
    return this.#session.isConnected && !this.#registrations.isUnderWay(path) && mayRemove(this.#table, type, path);
  }

  #requestRemoval(
    path: string,
    type: number,
    clientPath: string,
    options: { readonly onReply?: (err: number) => void; readonly ahead?: boolean },
  ): Promise<void> {
    const request = { path, type };
    return this.#session.request({
      operation: removeWatches,
      request,
      path: clientPath,
      result: () => undefined,
      ...options,
    });
  }

  #endPersistent(path: string): void {
    const watchers = [...this.#table.remove('persistent', path), ...this.#table.remove('recursive', path)];
    for (const watcher of new Set(watchers)) this.#calls.end(watcher);
  }
}

/**
 * Checks a watcher.
 *
 * @throws {TypeError} when the watcher is not a function
 */
function checkedWatcher(watcher: Watcher): Watcher {
  if (typeof watcher !== 'function')
    throw new TypeError(`Expected the watch to be a function, got ${received(watcher)}`);
  return watcher;
}

/**
 * Checks the mode of a persistent watch.
 *
 * @throws {TypeError} when the mode does not exist
 */
function checkedMode(mode: AddWatchMode): AddWatchMode {
  if (Object.hasOwn(AddWatchMode, mode)) return mode;
  throw new TypeError(`Expected \`mode\` to be 'PERSISTENT' or 'PERSISTENT_RECURSIVE', got ${received(mode)}`);
}

/**
 * Checks the type of watches to remove.
 *
 * @throws {TypeError} when the type does not exist
 */
function checkedType(type: WatcherType): WatcherType {
  if (Object.hasOwn(typeTraits, type)) return type;
  throw new TypeError(`Expected \`type\` to be one of ${Object.keys(typeTraits).join(', ')}, got ${received(type)}`);
}

/** Whether a removal failed only because the watch is gone already. Watches end when they fire and when their connection is lost. */
function isGone(error: unknown): boolean {
  const ends = [NoWatcherError, ConnectionLossError, SessionExpiredError, ClosedError];
  return ends.some((end) => error instanceof end);
}

/** Ignores a `NoWatcherError`, because a watch that is gone already counts as removed. */
function allowNoWatcher(error: unknown): void {
  if (!(error instanceof NoWatcherError)) throw error;
}
