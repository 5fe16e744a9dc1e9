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

/** Which watches to remove. */
export interface RemoveWatchesOptions {
  /** Default `ANY`. */
  readonly type?: WatcherType | undefined;
  /** Default: all of that type. */
  readonly listener?: Watcher | undefined;
  /** Whether they count as removed whatever the server says. Default false. */
  readonly local?: boolean | undefined;
}

const addWatchChecks: ChecksOf<SignalOption> = { signal: aSignal };
/** What the options of `removeWatches` must be; the type itself is checked with the request. */
export const removeWatchesChecks: ChecksOf<RemoveWatchesOptions & SignalOption> = {
  ...addWatchChecks,
  type: anything,
  listener: aFunction,
  local: aBoolean,
};

/** A watch that stays until it is removed. */
export interface WatchHandle {
  /** Removes it; idempotent. */
  remove(): Promise<void>;
}

/** Calls the functions of users. Paths are the server's. */
export interface WatcherCalls {
  deliver(watcher: Watcher, type: WatchedEventType, path: string): void;
  /** The watcher will never hear of anything again: the server does not know its kind. */
  end(watcher: Watcher): void;
}

/** What the registration of a watch adds to its request. */
type WatchHooks<Request> = Pick<ExchangeOptions<Request, never, never>, 'request' | 'onReply' | 'onLost'>;

interface RegistrationOptions<Request> {
  readonly kind: WatchKind;
  readonly path: string;
  readonly watcher: Watcher;
  readonly signal: RequestSignal | undefined;
  /** Makes the request when it is written: what stands before it on the wire is known then. */
  readonly request: () => Request;
  /** The kind of watch that the server has after this reply; `null` for none. */
  readonly kindAfter: (err: number) => WatchKind | null;
}

/** The watches of a session: sets and removes them, and keeps what the server has in step with what is wanted here. Paths are the server's. */
export class WatcherSet {
  readonly #session: Session;
  readonly #calls: WatcherCalls;
  readonly #table = new WatchTable<Watcher>();
  readonly #registrations = new Registrations();
  readonly #restoring: Restoring;
  /** Types of watches to be taken from the server, by path, when no request is under way any more that may set one there. */
  readonly #postponed = new Map<string, Set<WatcherType>>();

  /** @param maxFrameBytes what a request to set watches again may come to */
  constructor(session: Session, maxFrameBytes: number, calls: WatcherCalls) {
    this.#session = session;
    this.#calls = calls;
    this.#restoring = new Restoring(session, this.#table, maxFrameBytes, (path) => this.#endPersistent(path));
  }

  /** Sets all watches again. To be called when there is a new connection, before anything else is sent that a user has asked for. */
  restore(): void {
    this.#restoring.all();
  }

  /** Tells those whom an event of the server concerns. */
  fire(event: WatcherEvent): void {
    const type = eventTypeOf(event.type);
    const watchers = this.#table.fire(event.type, event.path);
    if (type !== null) for (const watcher of watchers) this.#calls.deliver(watcher, type, event.path);
  }

  /** Every watcher there is, each once; there are none afterwards. */
  clear(): ReadonlySet<Watcher> {
    return this.#table.clear();
  }

  /** A read, with a one-shot watch where one is given: registered in the frame handler, so that no event can come before it. */
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
        // The watch that was to cover it has been refused, or is gone.
        if (!isAsked && mustAsk()) this.#restoring.path(path);
      },
    };
  }

  /** Sets a watch that stays. @param clientPath for errors */
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

  /** @param clientPath for errors @throws NoWatcherError if there is none */
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

  /** Whether there is a watch of the kind, or the request for one is on the wire. */
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
      // Nobody waits any more for the watch that the server has just set. If its removal fails it is as good as gone: with its connection, or by
      // firing once without a watcher.
      this.#removeFromServer(path, typeOf[kind], path).catch(() => {});
      return;
    }
    this.#table.add(kind, path, watcher);
    if (kind === 'recursive' && isHiddenByRecursive(this.#table, 'child', path)) this.#restoring.path(path);
  }

  /** What was left on the server, since a request under way might have needed it, goes now unless it does. */
  #removePostponed(path: string): void {
    const types = this.#postponed.get(path);
    if (types === undefined || this.#registrations.isUnderWay(path)) return;
    this.#postponed.delete(path);
    for (const type of types) this.#removeFromServer(path, type, path).catch(() => {});
  }

  /** Takes the watch from the server as well, unless something here still needs it. */
  async #removeFromServer(path: string, type: WatcherType, clientPath: string): Promise<void> {
    if (this.#registrations.isUnderWay(path)) {
      this.#postponed.set(path, (this.#postponed.get(path) ?? new Set()).add(type));
    }
    if (!this.#canRemove(path, type)) return;
    // With the reply, in the frame handler, so that no change can fall between the two.
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

  /** Without a connection it is gone from the server already. */
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

/** @throws TypeError if it is not a function */
function checkedWatcher(watcher: Watcher): Watcher {
  if (typeof watcher !== 'function')
    throw new TypeError(`Expected the watch to be a function, got ${received(watcher)}`);
  return watcher;
}

/** @throws TypeError if it is none */
function checkedMode(mode: AddWatchMode): AddWatchMode {
  if (Object.hasOwn(AddWatchMode, mode)) return mode;
  throw new TypeError(`Expected \`mode\` to be 'PERSISTENT' or 'PERSISTENT_RECURSIVE', got ${received(mode)}`);
}

/** @throws TypeError if it is none */
function checkedType(type: WatcherType): WatcherType {
  if (Object.hasOwn(typeTraits, type)) return type;
  throw new TypeError(`Expected \`type\` to be one of ${Object.keys(typeTraits).join(', ')}, got ${received(type)}`);
}

/** Watches go with their connection and when they fire; that they are gone already is no failure of a removal. */
function isGone(error: unknown): boolean {
  const ends = [NoWatcherError, ConnectionLossError, SessionExpiredError, ClosedError];
  return ends.some((end) => error instanceof end);
}

/** A watch that is gone already is as good as removed. */
function allowNoWatcher(error: unknown): void {
  if (!(error instanceof NoWatcherError)) throw error;
}
