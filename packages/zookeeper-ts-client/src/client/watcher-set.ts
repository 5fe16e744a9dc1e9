import { aBoolean, aFunction, anything, type ChecksOf, checkOptions } from '../checks/option-checks.js';
import { received } from '../checks/received.js';
import {
  ClosedError,
  ConnectionLossError,
  NoWatcherError,
  RequestRejectedError,
  SessionExpiredError,
} from '../errors.js';
import { ErrorCode } from '../protocol/error-code.js';
import type { ReadRequest } from '../protocol/operations/exists.js';
import { addWatch, removeWatches } from '../protocol/operations/watches.js';
import { validatePath } from '../protocol/znode-path.js';
import type { RequestSignal } from '../session/request-signal.js';
import type { Session } from '../session/session.js';
import type { WatchKind } from '../session/watch-registry.js';
import type { Chroot } from './chroot.js';
import { type RequestOptions, requestChecks } from './request-options.js';
import type { WatchedEventType, Watcher } from './watched-event.js';
import { AddWatchMode, ANY_ON_WIRE, removedEvents, typeOf, typeTraits, type WatcherType } from './watcher-type.js';

interface Removed {
  readonly kind: WatchKind;
  readonly watcher: Watcher;
}

/** @throws TypeError if it is not a function */
function checkedWatcher(watcher: Watcher): Watcher {
  if (typeof watcher !== 'function')
    throw new TypeError(`Expected the watch to be a function, got ${received(watcher)}`);
  return watcher;
}

/** A watch that stays until it is removed. */
export interface WatchHandle {
  /** Removes it; idempotent. */
  remove(): Promise<void>;
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

/** What the options of `removeWatches` must be; the type itself is checked with the request. */
export const removeWatchesChecks: ChecksOf<RemoveWatchesOptions & RequestOptions> = {
  ...requestChecks,
  type: anything,
  listener: aFunction,
  local: aBoolean,
};

/** What the registration of a watch adds to its exchange. */
export interface WatchHooks {
  readonly onWrite: () => void;
  readonly onReply: (err: number) => void;
  readonly onLost: () => void;
}

/** The watches of a client: sets and removes them, and keeps what the server has in step with what is wanted here. */
export class WatcherSet {
  readonly #session: Session<Watcher>;
  readonly #chroot: Chroot;
  readonly #deliver: (watcher: Watcher, type: WatchedEventType, serverPath: string) => void;
  /** Types of watches to be taken from the server, by path, when no request is under way any more that may set one there. */
  readonly #postponed = new Map<string, Set<WatcherType>>();

  constructor(
    session: Session<Watcher>,
    chroot: Chroot,
    deliver: (watcher: Watcher, type: WatchedEventType, serverPath: string) => void,
  ) {
    this.#session = session;
    this.#chroot = chroot;
    this.#deliver = deliver;
  }

  /** A read, with a one-shot watch where one is given: registered in the frame handler, so that no event can come before it. */
  read(
    kind: 'data' | 'child' | 'exists',
    serverPath: string,
    watcher: Watcher | undefined,
    signal: RequestSignal | undefined,
  ): { readonly request: ReadRequest } & Partial<WatchHooks> {
    const request = { path: serverPath, watch: false };
    if (watcher === undefined) return { request };
    const asked = kind === 'child' ? 'child' : 'data';
    const hooks = this.#hooks(asked, serverPath, checkedWatcher(watcher), signal, (err) => {
      if (kind === 'exists') return err === ErrorCode.OK ? 'data' : err === ErrorCode.NONODE ? 'exist' : null;
      return err === ErrorCode.OK ? kind : null;
    });
    return {
      request,
      ...hooks,
      onWrite: () => {
        hooks.onWrite();
        request.watch = this.#mustAsk(asked, serverPath);
      },
      onReply: (err) => {
        hooks.onReply(err);
        // The watch that was to cover it has been refused, or is gone.
        if (!request.watch && this.#mustAsk(asked, serverPath)) this.#session.rewatch(serverPath);
      },
    };
  }

  /** Sets a watch that stays. */
  async add(path: string, mode: AddWatchMode, watcher: Watcher, options: RequestOptions): Promise<WatchHandle> {
    checkOptions('addWatch', requestChecks, options);
    const { signal } = options;
    if (!Object.hasOwn(AddWatchMode, mode)) {
      throw new TypeError(`Expected \`mode\` to be 'PERSISTENT' or 'PERSISTENT_RECURSIVE', got ${received(mode)}`);
    }
    const serverPath = this.#serverPath(path);
    const kind: WatchKind = mode === 'PERSISTENT' ? 'persistent' : 'recursive';
    await this.#session.request({
      operation: addWatch,
      request: { path: serverPath, mode: mode === 'PERSISTENT' ? 0 : 1 },
      path,
      signal,
      result: () => undefined,
      ...this.#hooks(kind, serverPath, checkedWatcher(watcher), signal, (err) => (err === ErrorCode.OK ? kind : null)),
    });
    let removal: Promise<void> | null = null;
    const remove = (): Promise<void> => this.removeWatches(path, { type: mode, listener: watcher, local: true });
    return { remove: () => (removal ??= remove().catch(allowNoWatcher)) };
  }

  /** @throws NoWatcherError if there is none */
  async removeWatches(path: string, options: RemoveWatchesOptions): Promise<void> {
    const { type = 'ANY', listener, local = false } = options;
    if (!Object.hasOwn(typeTraits, type)) {
      throw new TypeError(
        `Expected \`type\` to be one of ${Object.keys(typeTraits).join(', ')}, got ${received(type)}`,
      );
    }
    const serverPath = this.#serverPath(path);
    const removed: Removed[] = typeTraits[type].kinds.flatMap((kind) =>
      this.#session.watches.remove(kind, serverPath, listener).map((watcher) => ({ kind, watcher })),
    );
    if (removed.length === 0) throw new NoWatcherError(ErrorCode.NOWATCHER, 'removeWatches', path);
    try {
      await this.#removeFromServer(serverPath, type, path);
    } catch (error) {
      if (!local && !isGone(error)) {
        for (const { kind, watcher } of removed) this.#session.watches.add(kind, serverPath, watcher);
        throw error;
      }
    }
    for (const { kind, watcher } of removed) this.#deliver(watcher, removedEvents[kind], serverPath);
  }

  /**
   * Whether a read must ask the server for its one-shot watch. Where a watch that stays covers it already the server is not
   * asked: before 3.9 the one-shot would replace the other (one mode a path and connection).
   */
  #mustAsk(kind: 'data' | 'child', serverPath: string): boolean {
    const { watches } = this.#session;
    return !watches.isSet('persistent', serverPath) && (kind === 'child' || !watches.isSet('recursive', serverPath));
  }

  #serverPath(path: string): string {
    validatePath(path);
    return this.#chroot.toServer(path);
  }

  #hooks(
    asked: WatchKind,
    serverPath: string,
    watcher: Watcher,
    signal: RequestSignal | undefined,
    kindFor: (err: number) => WatchKind | null,
  ): WatchHooks {
    const { watches } = this.#session;
    const registration = watches.begin(asked, serverPath);
    return {
      onWrite: () => {
        registration.written = true;
      },
      onReply: (err) => {
        watches.finish(registration);
        this.#registered(kindFor(err), serverPath, watcher, signal);
        this.#removePostponed(serverPath);
      },
      onLost: () => watches.finish(registration),
    };
  }

  #registered(kind: WatchKind | null, serverPath: string, watcher: Watcher, signal: RequestSignal | undefined): void {
    const { watches } = this.#session;
    if (kind === null) return;
    if (signal?.aborted) {
      this.#forget(serverPath, kind);
      return;
    }
    watches.add(kind, serverPath, watcher);
    // Before 3.9 it has taken the place of the watch for children, and tells nothing of them.
    if (kind === 'recursive' && watches.has('child', serverPath)) this.#session.rewatch(serverPath);
  }

  /** Nobody waits for a watch any more that the server has just set. */
  #forget(serverPath: string, kind: WatchKind): void {
    // Should it fail, the watch is as good as gone: with its connection, or by firing once into the void.
    this.#removeFromServer(serverPath, typeOf[kind], serverPath).catch(() => {});
  }

  /** What was left on the server, since a request under way might have needed it, goes now unless it does. */
  #removePostponed(serverPath: string): void {
    const types = this.#postponed.get(serverPath);
    if (types === undefined || this.#session.watches.isUnderWay(serverPath)) return;
    this.#postponed.delete(serverPath);
    for (const type of types) this.#removeFromServer(serverPath, type, serverPath).catch(() => {});
  }

  /** Takes the watch from the server as well, unless something here still needs it. */
  async #removeFromServer(serverPath: string, type: WatcherType, path: string): Promise<void> {
    if (this.#session.watches.isUnderWay(serverPath)) {
      this.#postponed.set(serverPath, (this.#postponed.get(serverPath) ?? new Set()).add(type));
    }
    if (this.#isNeeded(serverPath, type)) return;
    const lasts = type === 'PERSISTENT' || type === 'PERSISTENT_RECURSIVE';
    // With the reply, in the frame handler, so that no change can fall between the two.
    const onReply = (err: number): void => {
      if (lasts && err === ErrorCode.OK) this.#session.rewatch(serverPath);
    };
    try {
      await this.#request(serverPath, typeTraits[type].wire, path, { onReply });
    } catch (error) {
      if (!(error instanceof RequestRejectedError) || !lasts) throw error;
      if (this.#isNeeded(serverPath, type)) return;
      // Servers before 3.9 know only `any`, which takes all watches of the path: what is wanted is set again behind it.
      const removal = this.#request(serverPath, ANY_ON_WIRE, path, { ahead: true });
      this.#session.rewatch(serverPath);
      await removal;
    }
  }

  /** Whether the watch is to be left on the server, or is gone from there with its connection. */
  #isNeeded(serverPath: string, type: WatcherType): boolean {
    const { watches } = this.#session;
    if (!this.#session.isConnected || watches.isUnderWay(serverPath)) return true;
    if (typeTraits[type].kinds.some((kind) => watches.has(kind, serverPath))) return true;
    const lasting = watches.has('persistent', serverPath) || watches.has('recursive', serverPath);
    // Before 3.9 the removal of a one-shot takes half of a lasting watch with it; left alone, it does no harm.
    return lasting && (type === 'CHILDREN' || type === 'DATA');
  }

  #request(
    serverPath: string,
    type: number,
    path: string,
    options: { readonly onReply?: (err: number) => void; readonly ahead?: boolean },
  ): Promise<void> {
    return this.#session.request({
      operation: removeWatches,
      request: { path: serverPath, type },
      path,
      result: () => undefined,
      ...options,
    });
  }
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
