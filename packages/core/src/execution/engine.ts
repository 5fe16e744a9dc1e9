import type { ConnectionState } from '../connection-state.js';
import { Diagnostics } from '../diagnostics.js';
import { Parents } from './ensure-parents.js';
import type { Execution } from './execution.js';
import { Executor } from './executor.js';
import { GuaranteedDeletes } from './guaranteed-delete.js';
import { Namespace } from './namespace.js';
import type { RetryPolicy } from './retry-policy.js';
import { type OpenSession, SessionSuccession } from './session-succession.js';
import { Watches } from './watches.js';

/** How long `close` waits for guaranteed deletes: the end of the session removes the ephemerals among them anyway. */
const CLOSING_PATIENCE_MS = 2_000;

/** What an engine is told. */
export interface EngineOptions {
  readonly openSession: OpenSession;
  /** How long a request may wait for a session; the session timeout where `undefined`. */
  readonly waitMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly operationTimeoutMs: number;
  readonly aclFor: Execution['aclFor'];
  readonly defaultData: Uint8Array;
  readonly useContainerParents: boolean;
}

/** What the keepers over one session have in common: the sessions, and all that executes what builders describe. */
export class Engine {
  readonly sessions: SessionSuccession;
  readonly diagnostics: Diagnostics;
  readonly #options: EngineOptions;
  readonly #executor: Executor;
  readonly #unlimited: Executor;
  readonly #deletes: GuaranteedDeletes;
  readonly #parents: Parents;
  #closing: Promise<void> | null = null;

  private constructor(sessions: SessionSuccession, diagnostics: Diagnostics, options: EngineOptions) {
    this.sessions = sessions;
    this.diagnostics = diagnostics;
    this.#options = options;
    this.#executor = new Executor(sessions, options.retry, options.operationTimeoutMs);
    this.#unlimited = new Executor(sessions, options.retry);
    this.#deletes = new GuaranteedDeletes(this.#unlimited, diagnostics);
    this.#parents = new Parents({ aclFor: options.aclFor, useContainers: options.useContainerParents });
  }

  /** Opens the first session. @param signal gives up */
  static async start(options: EngineOptions, signal: AbortSignal | undefined): Promise<Engine> {
    const diagnostics = new Diagnostics();
    const sessions = await SessionSuccession.begin(options.openSession, diagnostics, options.waitMs, signal);
    return new Engine(sessions, diagnostics, options);
  }

  /** What builders of a namespace need. */
  execution(namespaceName: string): Execution {
    const namespace = new Namespace(namespaceName);
    return {
      namespace,
      watches: new Watches(namespace, this.diagnostics),
      executor: this.#executor,
      parents: this.#parents,
      deletes: this.#deletes,
      aclFor: this.#options.aclFor,
      defaultData: this.#options.defaultData,
      isEarlierSession: (sessionId) => this.sessions.isEarlierSession(sessionId),
    };
  }

  /** The same, for operations that `operationTimeoutMs` does not bound. */
  withoutTimeLimit(execution: Execution): Execution {
    return { ...execution, executor: this.#unlimited };
  }

  get operationTimeoutMs(): number {
    return this.#options.operationTimeoutMs;
  }

  /** Ends the session. Whatever is asked for after this is refused. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.sessions.beginClosing();
    await this.#deletes.finish(CLOSING_PATIENCE_MS);
    await this.sessions.end();
  }

  /** The present state, and each later one until the `Keeper` is closed. Rejects with the signal's reason. */
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
    for (const end of ends) end.addEventListener('abort', onEnd);
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
      for (const end of ends) end.removeEventListener('abort', onEnd);
    }
  }
}
