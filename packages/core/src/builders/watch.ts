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

/** Sets watches that stay until they are removed. Immutable: each step returns a new builder. */
export class WatchBuilder {
  readonly #execution: Execution;
  readonly #mode: AddWatchMode;

  constructor(execution: Execution, mode: AddWatchMode = AddWatchMode.PERSISTENT_RECURSIVE) {
    this.#execution = execution;
    this.#mode = mode;
  }

  /** Default `PERSISTENT_RECURSIVE`. */
  withMode(mode: AddWatchMode): WatchBuilder {
    return new WatchBuilder(this.#execution, mode);
  }

  /**
   * Sets the watch. It stays through reconnects and ends with the session, of which its last event (type `None`, path `null`)
   * tells. What happens while there is no connection is not told: read again when the state is `RECONNECTED`.
   *
   * @param listener called for each event
   * @returns what removes the watch: `remove()` is idempotent
   * @throws {ConnectionLossError} the retries are used up
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

  /** Default `ANY`. `DATA` are those of `exists` and `getData`, `CHILDREN` those of `getChildren`. */
  ofType(type: WatcherType): RemoveWatchBuilder {
    return new RemoveWatchBuilder(this.#execution, this.#listener, type);
  }

  /**
   * Removes the watch, here in any case and at the server if it can be reached: the listener hears of nothing any more but of the
   * removal itself. Nothing happens if there is no such watch. Never waits for a connection, nor longer than `operationTimeoutMs` for the
   * server's answer.
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
      // The time limit: it is removed here.
      if (!(error instanceof NoWatcherError || error instanceof ConnectionLossError)) throw error;
    }
  }
}
