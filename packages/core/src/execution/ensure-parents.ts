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

/** How missing parents are to be made. */
export interface ParentOptions {
  /** The access control list of a znode, by its real path. */
  readonly aclFor: (realPath: string) => readonly Acl[] | undefined;
  /** Whether parents are containers, which the server removes some time after their last child; else they are persistent. */
  readonly useContainers: boolean;
}

/** Makes the missing ancestors of znodes. */
export class Parents {
  readonly #options: ParentOptions;
  /** Sessions whose server does not know containers: asking it once is enough, since it closes the connection over it. */
  readonly #withoutContainers = new WeakSet<ZooKeeper>();

  constructor(options: ParentOptions) {
    this.#options = options;
  }

  /**
   * Makes what is missing, and returns whether anything had to be looked for. It may be gone again before it is used
   * (an empty container is reaped), so the caller tries in a loop. Safe to repeat.
   *
   * Which ones are missing is asked first: a create needs a permission on the parent even if the znode is there already.
   */
  async ensure(zookeeper: ZooKeeper, realPath: string, signal: RequestSignal | undefined): Promise<boolean> {
    const ancestors = ancestorsOf(realPath);
    if (ancestors.length === 0) return false;
    const stats = await Promise.all(ancestors.map((path) => zookeeper.exists(path, { signal })));
    const missing = ancestors.filter((_, index) => stats[index] === null);
    await this.#create(zookeeper, missing, signal);
    return true;
  }

  /** All at once: the server executes them in their order, so that each finds its parent. */
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

/** Somebody else made it; or its own parent was reaped since it was looked for, which the next attempt makes again. */
function isMended(error: unknown, path: string): boolean {
  return error instanceof NodeExistsError || (error instanceof NoNodeError && parentOf(path) !== '/');
}

function meansNoContainers(error: unknown): boolean {
  return error instanceof UnimplementedError || error instanceof BadArgumentsError;
}
