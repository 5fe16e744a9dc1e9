import type { Stat } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import { type CallOptions, type Execution, withRoot } from '../execution/execution.js';
import type { WatchFunction } from '../execution/namespace.js';

/** Data of a znode with its stat. */
export interface ZnodeContent {
  /** Data; `null` if the znode was created with `null`, which is not the same as empty. */
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** Reads the data of a znode. Immutable: each step returns a new builder. */
export class GetDataBuilder<Result> {
  readonly #execution: Execution;
  readonly #listener: WatchFunction | undefined;
  readonly #present: (content: ZnodeContent) => Result;

  constructor(execution: Execution, listener: WatchFunction | undefined, present: (content: ZnodeContent) => Result) {
    this.#execution = execution;
    this.#listener = listener;
    this.#present = present;
  }

  /**
   * Sets a watch, unless the znode does not exist. The listener is called once: when the znode is changed or deleted, or when the session
   * ends.
   */
  watching(listener: WatchFunction): GetDataBuilder<Result> {
    return new GetDataBuilder(this.#execution, listener, this.#present);
  }

  /** Resolves with `{ data, stat }` instead of the data. */
  withStat(): GetDataBuilder<ZnodeContent> {
    return new GetDataBuilder(this.#execution, this.#listener, (content) => content);
  }

  /**
   * Reads the znode.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, options: CallOptions = {}): Promise<Result> {
    const signal = signalOf('getData().forPath', options);
    const { executor, namespace, watches } = this.#execution;
    const realPath = namespace.toReal(path);
    const watch = this.#listener === undefined ? undefined : watches.wrap(this.#listener);
    const content = await executor.run(
      (attempt) =>
        withRoot(this.#execution, attempt, realPath, () =>
          attempt.zookeeper.getData(realPath, { watch, signal: attempt.signal }),
        ),
      { signal },
    );
    return this.#present(content);
  }
}
