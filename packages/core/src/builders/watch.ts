import {
  AddWatchMode,
  ConnectionLossError,
  NoWatcherError,
  type WatcherType,
  type WatchHandle,
} from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import type { Attempt } from '../execution/executor.js';
import type { WatchFunction } from '../execution/namespace.js';

/** Sets persistent watches, which stay until they are removed. Immutable: each step returns a new builder. */
export class WatchBuilder {
  readonly #execution: Execution;
  readonly #mode: AddWatchMode;

  constructor(execution: Execution, mode: AddWatchMode = AddWatchMode.PERSISTENT_RECURSIVE) {
    this.#execution = execution;
    this.#mode = mode;
  }

  /** Sets the mode; the default is `PERSISTENT_RECURSIVE`. */
  withMode(mode: AddWatchMode): WatchBuilder {
    return new WatchBuilder(this.#execution, mode);
  }

  /**
   * Sets the watch. The watch survives reconnects and ends with the session. Its last event (type `None`, path `null`) reports the
   * session's end. The watch does not report changes that happen without a connection: read again when the state is `RECONNECTED`.
   *
   * @param listener called for each event
   * @returns handle that removes the watch: `remove()` is idempotent
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, listener: WatchFunction, options: CallOptions = {}): Promise<WatchHandle> {
    const signal = signalOf('watch().forPath', options);
    const { executor, namespace, watches } = this.#execution;
    const realPath = namespace.toReal(path);
    const watch = watches.wrap(listener);
    return await executor.run(
      (attempt) => attempt.zookeeper.addWatch(realPath, this.#mode, watch, { signal: attempt.signal }),
      { signal },
    );
  }
}

/** Removes a watch that `watching` or `watch()` has set. Immutable: each step returns a new builder. */
export class RemoveWatchBuilder {
  readonly #execution: Execution;
  readonly #listener: WatchFunction;
  readonly #type: WatcherType;

  constructor(execution: Execution, listener: WatchFunction, type: WatcherType = 'ANY') {
    this.#execution = execution;
    this.#listener = listener;
    this.#type = type;
  }

  /**
   * Sets the type of the watch; the default is `ANY`. `DATA` watches come from `exists` and `getData`, `CHILDREN` watches from
   * `getChildren`.
   */
  ofType(type: WatcherType): RemoveWatchBuilder {
    return new RemoveWatchBuilder(this.#execution, this.#listener, type);
  }

  /**
   * Removes the watch, in any case in this process, and at the server if the server is reachable. The listener then receives only the
   * event of the removal itself. Does nothing if the watch does not exist. Never waits for a connection, and waits at most
   * `operationTimeoutMs` for the server's answer.
   */
  async forPath(path: string): Promise<void> {
    const { executor, namespace, watches } = this.#execution;
    const realPath = namespace.toReal(path);
    const options = { type: this.#type, listener: watches.wrap(this.#listener), local: true };
    if (executor.current === null) return;
    try {
      const remove = ({ zookeeper, signal }: Attempt): Promise<void> =>
        zookeeper.removeWatches(realPath, { ...options, signal });
      await executor.run(remove, { whileClosing: true });
    } catch (error) {
      // After the time limit the watch is at least removed in this process.
      if (!(error instanceof NoWatcherError || error instanceof ConnectionLossError)) throw error;
    }
  }
}
