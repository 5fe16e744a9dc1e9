import { follow, systemClock, unfollow } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { Diagnostics } from '../diagnostics.js';
import { Parents } from './ensure-parents.js';
import type { Execution } from './execution.js';
import { Executor } from './executor.js';
import { GuaranteedDeletes, LEFT_BEHIND } from './guaranteed-delete.js';
import { Namespace } from './namespace.js';
import { OwnEphemerals } from './own-ephemerals.js';
import type { RetryPolicy } from './retry-policy.js';
import { type GivenUpSession, type SessionClients, SessionSuccession } from './session-succession.js';
import { Watches } from './watches.js';

/** Shortest limit for the wait for a silent server when the `Keeper` is closed, in milliseconds. */
const SILENT_SERVER_MS = 500;

/** Longest wait for a connection when the `Keeper` is closed with pending deletes, in milliseconds. */
const RECONNECT_MS = 750;

/** Options of an `Engine`. */
export interface EngineOptions {
  readonly clients: SessionClients;
  /** Longest time that a request waits for a session; `undefined` for the session timeout. */
  readonly waitMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly operationTimeoutMs: number;
  readonly aclFor: Execution['aclFor'];
  readonly defaultData: Uint8Array;
  readonly useContainerParents: boolean;
}

/** Common parts of all Keepers over one session: the sessions, and the execution of the operations that builders describe. */
export class Engine {
  readonly sessions: SessionSuccession;
  readonly diagnostics: Diagnostics;
  readonly #options: EngineOptions;
  readonly #executor: Executor;
  readonly #unlimited: Executor;
  readonly #deletes: GuaranteedDeletes;
  readonly #parents: Parents;
  readonly #ephemerals = new OwnEphemerals();
  #closing: Promise<void> | null = null;

  /** Begins to open the first session, and returns at once. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.diagnostics = new Diagnostics();
    this.sessions = new SessionSuccession(options.clients, this.diagnostics, options.waitMs, (givenUp) =>
      this.#removeEphemeralsOf(givenUp),
    );
    this.#executor = new Executor(this.sessions, options.retry, options.operationTimeoutMs);
    this.#unlimited = new Executor(this.sessions, options.retry);
    this.#deletes = new GuaranteedDeletes(this.#unlimited, this.sessions, this.diagnostics);
    this.#parents = new Parents({ aclFor: options.aclFor, useContainers: options.useContainerParents });
  }

  #removeEphemeralsOf(givenUp: readonly GivenUpSession[]): void {
    for (const { id } of givenUp) {
      for (const path of this.#ephemerals.take(id)) this.#deletes.deleteGivenUp(path, id);
    }
    this.#ephemerals.keepOnly((sessionId) => this.sessions.mayLive(sessionId));
  }

  /** Returns the dependencies of the builders of a namespace. */
  execution(namespaceName: string): Execution {
    const namespace = new Namespace(namespaceName);
    return {
      namespace,
      watches: new Watches(namespace, this.diagnostics),
      executor: this.#executor,
      parents: this.#parents,
      deletes: this.#deletes,
      sessions: this.sessions,
      ephemerals: this.#ephemerals,
      aclFor: this.#options.aclFor,
      defaultData: this.#options.defaultData,
      isEarlierSession: (sessionId) => this.sessions.isEarlierSession(sessionId),
    };
  }

  /** Returns the same dependencies, for operations without the limit `operationTimeoutMs`. */
  withoutTimeLimit(execution: Execution): Execution {
    return { ...execution, executor: this.#unlimited };
  }

  get operationTimeoutMs(): number {
    return this.#options.operationTimeoutMs;
  }

  /**
   * Ends the session. All later operations are refused. Never rejects: remaining work is reported as a background error.
   *
   * @param timeoutMs limit for the pending deletes and the end of the session together, 0 or more
   */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const { sessions } = this;
    const { zookeeper } = sessions;
    const isConnected = zookeeper.state === 'connected' || zookeeper.state === 'connected-read-only';
    // The longer a server has not answered, the less time it gets, but at least this long.
    const shortestMs = Math.min(timeoutMs, SILENT_SERVER_MS);
    const withoutConnectionMs = this.#deletes.size > 0 ? Math.min(timeoutMs, RECONNECT_MS) : 0;
    const budgetMs = isConnected ? Math.max(shortestMs, timeoutMs - zookeeper.unansweredForMs()) : withoutConnectionMs;
    const endAtMs = systemClock.now() + budgetMs;
    sessions.beginClosing();
    const tellLeft = await this.#deletes.finish(budgetMs - Math.min(budgetMs, shortestMs) / 2);
    await sessions.end(Math.max(shortestMs / 2, endAtMs - systemClock.now()));
    tellLeft(zookeeper.isCloseConfirmed ? { id: zookeeper.sessionId, epoch: sessions.epoch } : null);
    const hasEphemerals = this.#ephemerals.has(zookeeper.sessionId);
    if (zookeeper.isCloseConfirmed || zookeeper.sessionId === 0n || !hasEphemerals) return;
    const why = `the server has not confirmed the end of session 0x${BigInt.asUintN(64, zookeeper.sessionId).toString(16)}: its ephemerals stay for up to ${zookeeper.sessionTimeoutMs} ms`;
    this.diagnostics.report(new Error(why), LEFT_BEHIND);
  }

  /** Iterates over the current state and each later state until the `Keeper` is closed. Rejects with the signal's reason. */
  async *states(signal: AbortSignal | undefined): AsyncGenerator<ConnectionState, void, void> {
    signal?.throwIfAborted();
    const { sessions } = this;
    const waiting: ConnectionState[] = [sessions.state];
    let wake = (): void => {};
    const onState = (state: ConnectionState): void => {
      waiting.push(state);
      wake();
    };
    const onEnd = (): void => wake();
    sessions.listeners.add(onState);
    const ends = signal === undefined ? [sessions.over] : [sessions.over, signal];
    for (const end of ends) follow(end, onEnd);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const state = waiting.shift();
        if (state !== undefined) yield state;
        else if (sessions.over.aborted) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      sessions.listeners.remove(onState);
      for (const end of ends) unfollow(end, onEnd);
    }
  }
}
