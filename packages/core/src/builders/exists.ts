import type { Stat } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import type { WatchFunction } from '../execution/namespace.js';

/** Checks whether a znode exists. Immutable: each step returns a new builder. */
export class ExistsBuilder {
  readonly #execution: Execution;
  readonly #listener: WatchFunction | undefined;

  constructor(execution: Execution, listener: WatchFunction | undefined) {
    this.#execution = execution;
    this.#listener = listener;
  }

  /** Sets a watch that calls the listener once: when the znode is created, deleted or changed, or when the session ends. */
  watching(listener: WatchFunction): ExistsBuilder {
    return new ExistsBuilder(this.#execution, listener);
  }

  /**
   * Resolves with the znode's stat, or `null` when the znode does not exist.
   *
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, options: CallOptions = {}): Promise<Stat | null> {
    const signal = signalOf('exists().forPath', options);
    const { executor, namespace, watches, parents } = this.#execution;
    const realPath = namespace.toReal(path);
    const watch = this.#listener === undefined ? undefined : watches.wrap(this.#listener);
    return await executor.run(
      async ({ zookeeper, signal: heeded }) => {
        // The root must exist before the watch is set: its creation would fire the watch.
        if (realPath === namespace.root) await parents.ensure(zookeeper, `${namespace.root}/`, heeded);
        return await zookeeper.exists(realPath, { watch, signal: heeded });
      },
      { signal },
    );
  }
}
