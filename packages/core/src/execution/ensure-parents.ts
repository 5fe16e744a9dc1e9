import {
  type Acl,
  BadArgumentsError,
  CreateMode,
  NodeExistsError,
  NoNodeError,
  type RequestSignal,
  UnimplementedError,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { ancestorsOf, parentOf } from './namespace.js';

/** Options for the creation of missing parents. */
export interface ParentOptions {
  /** Returns the access control list of a znode, by its real path. */
  readonly aclFor: (realPath: string) => readonly Acl[] | undefined;
  /** Whether parents are containers, which the server removes some time after their last child; otherwise they are persistent. */
  readonly useContainers: boolean;
}

/** Creates the missing ancestors of znodes. */
export class Parents {
  readonly #options: ParentOptions;
  /** Clients whose server does not support containers. Asked only once, because such a server closes the connection on the request. */
  readonly #withoutContainers = new WeakSet<ZooKeeper>();

  constructor(options: ParentOptions) {
    this.#options = options;
  }

  /**
   * Creates the missing ancestors, and returns whether the path has any ancestors to check. The server may reap an empty container before
   * its use, so the caller repeats this in a loop. Safe to repeat.
   *
   * Checks first which ancestors are missing: a create needs a permission on the parent even if the znode exists already.
   */
  async ensure(zookeeper: ZooKeeper, realPath: string, signal: RequestSignal | undefined): Promise<boolean> {
    const ancestors = ancestorsOf(realPath);
    if (ancestors.length === 0) return false;
    const stats = await Promise.all(ancestors.map((path) => zookeeper.exists(path, { signal })));
    const missing = ancestors.filter((_, index) => stats[index] === null);
    await this.#create(zookeeper, missing, signal);
    return true;
  }

  /** Sends all creates at once: the server executes them in order, so each create finds its parent. */
  async #create(zookeeper: ZooKeeper, paths: readonly string[], signal: RequestSignal | undefined): Promise<void> {
    const asContainers = this.#options.useContainers && !this.#withoutContainers.has(zookeeper);
    const mode = asContainers ? CreateMode.CONTAINER : CreateMode.PERSISTENT;
    const results = await Promise.allSettled(
      paths.map((path) => zookeeper.create(path, Buffer.alloc(0), { mode, acl: this.#options.aclFor(path), signal })),
    );
    const failures = results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ error: result.reason as unknown, path: paths[index] as string }] : [],
    );
    if (asContainers && failures.some(({ error }) => meansNoContainers(error))) {
      this.#withoutContainers.add(zookeeper);
      return await this.#create(zookeeper, paths, signal);
    }
    const failure = failures.find(({ error, path }) => !isMended(error, path));
    if (failure !== undefined) throw failure.error;
  }
}

/**
 * Returns whether a failed create needs no error. Either another client has created the znode, or its own parent was reaped since the
 * check; the next attempt creates the parent again.
 */
function isMended(error: unknown, path: string): boolean {
  return error instanceof NodeExistsError || (error instanceof NoNodeError && parentOf(path) !== '/');
}

function meansNoContainers(error: unknown): boolean {
  return error instanceof UnimplementedError || error instanceof BadArgumentsError;
}
