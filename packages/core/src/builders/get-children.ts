import { FrameTooLargeError, type Stat } from 'zookeeper-ts-client';
import { DirectoryTooLargeError } from '../errors.js';
import { signalOf } from '../execution/call-check.js';
import { type CallOptions, type Execution, withRoot } from '../execution/execution.js';
import type { Attempt } from '../execution/executor.js';
import type { WatchFunction } from '../execution/namespace.js';

/** Names of a znode's children, with the znode's own stat. */
export interface ZnodeChildren {
  /** Names in no particular order. */
  readonly children: string[];
  readonly stat: Stat;
}

/** Lists the children of a znode. Immutable: each step returns a new builder. */
export class GetChildrenBuilder<Result> {
  readonly #execution: Execution;
  readonly #listener: WatchFunction | undefined;
  readonly #present: (listing: ZnodeChildren) => Result;

  constructor(execution: Execution, listener: WatchFunction | undefined, present: (listing: ZnodeChildren) => Result) {
    this.#execution = execution;
    this.#listener = listener;
    this.#present = present;
  }

  /**
   * Sets a watch, unless the znode does not exist. The listener is called once: when a child is created or deleted, when the znode is
   * deleted, or when the session ends.
   */
  watching(listener: WatchFunction): GetChildrenBuilder<Result> {
    return new GetChildrenBuilder(this.#execution, listener, this.#present);
  }

  /** Resolves with `{ children, stat }` instead of the names. */
  withStat(): GetChildrenBuilder<ZnodeChildren> {
    return new GetChildrenBuilder(this.#execution, this.#listener, (listing) => listing);
  }

  /**
   * Lists the children's names, in no particular order.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {DirectoryTooLargeError} when the list is larger than a reply may be
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, options: CallOptions = {}): Promise<Result> {
    const signal = signalOf('getChildren().forPath', options);
    const { executor, namespace, watches } = this.#execution;
    const realPath = namespace.toReal(path);
    const watch = this.#listener === undefined ? undefined : watches.wrap(this.#listener);
    const listing = await executor.run(
      (attempt) =>
        withRoot(this.#execution, attempt, realPath, () =>
          attempt.zookeeper
            .getChildren(realPath, { watch, signal: attempt.signal })
            .catch((error: unknown) => refuseLarge(error, attempt, realPath)),
        ),
      { signal },
    );
    return this.#present(listing);
  }
}

/** Throws a `DirectoryTooLargeError` with the number of children if the list of children was too large; rethrows any other error. */
async function refuseLarge(error: unknown, { zookeeper, signal }: Attempt, realPath: string): Promise<never> {
  if (!(error instanceof FrameTooLargeError)) throw error;
  const stat = await zookeeper.exists(realPath, { signal });
  throw new DirectoryTooLargeError(
    realPath,
    { count: stat?.numChildren ?? null, bytes: error.bytes, limit: error.limit },
    { cause: error },
  );
}
