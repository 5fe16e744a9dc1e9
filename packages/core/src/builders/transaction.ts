import {
  type Acl,
  type CreateMode,
  MultiError,
  type MultiOp,
  type MultiResult,
  NoNodeError,
  op,
  type ZnodeData,
} from 'zookeeper-ts-client';
import { isSequential } from '../execution/creation.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { once } from '../execution/executor.js';
import { parentOf } from '../execution/namespace.js';

/** How a znode is created in a transaction. */
export interface TransactionCreateOptions {
  /** Default `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Default: what the `acl` option of the `Keeper` says. */
  readonly acl?: readonly Acl[] | undefined;
  /** For the modes with a TTL, which need it: milliseconds, 1 to 2^40-1. */
  readonly ttlMs?: number | undefined;
}

/** Which version an operation expects. */
export interface ExpectedVersion {
  /** -1, the default, matches any. */
  readonly version?: number | undefined;
}

/** How often the root of the namespace is made for one transaction: it may delete the root itself, and never succeed. */
const MAX_ROOTS = 10;

/**
 * Operations that the server does all or none of. Immutable: each step returns a new transaction, so one can be begun once
 * and gone on with in several ways.
 *
 * When the reply was lost, it is not sent again: `commit` rejects with a `ConnectionLossError` of outcome `unknown`. An operation
 * by which one can tell afterwards (the create of a marker under an own name) belongs in it, then.
 */
export class Transaction {
  readonly #execution: Execution;
  readonly #operations: readonly MultiOp[];

  /** @param operations in real paths */
  constructor(execution: Execution, operations: readonly MultiOp[]) {
    this.#execution = execution;
    this.#operations = operations;
  }

  /** Demands that a znode exists. @param version that it must have; -1, the default, matches any */
  check(path: string, version = -1): Transaction {
    return this.#and(op.check(this.#real(path), { version }));
  }

  /** Sets the data of a znode. */
  setData(path: string, data: ZnodeData, options: ExpectedVersion = {}): Transaction {
    return this.#and(op.setData(this.#real(path), data, options));
  }

  /** Creates a znode. @param data the `defaultData` option where not given */
  create(
    path: string,
    data: ZnodeData = this.#execution.defaultData,
    options: TransactionCreateOptions = {},
  ): Transaction {
    const isNumbered = isSequential(options.mode ?? 'PERSISTENT');
    const realPath = isNumbered ? this.#execution.namespace.toRealChild(path) : this.#real(path);
    const acl = options.acl ?? this.#execution.aclFor(realPath);
    return this.#and(op.create(realPath, data, { ...options, acl }));
  }

  /** Deletes a znode without children. */
  delete(path: string, options: ExpectedVersion = {}): Transaction {
    return this.#and(op.delete(this.#real(path), options));
  }

  /**
   * Has the server do all of it.
   *
   * @returns one result an operation, in their order
   * @throws {MultiError} refused: nothing was done; `failedIndex` says which operation is to blame
   * @throws {ConnectionLossError} the retries are used up, or the outcome is unknown
   */
  async commit({ signal }: CallOptions = {}): Promise<MultiResult[]> {
    const { executor, namespace, parents } = this.#execution;
    const results = await executor.run(
      async ({ zookeeper }) => {
        for (let rootsLeft = MAX_ROOTS; ; rootsLeft--) {
          try {
            return await once(zookeeper.multi(this.#operations, { signal }));
          } catch (error) {
            if (rootsLeft === 0 || !this.#isForLackOfRoot(error)) throw error;
            await parents.ensure(zookeeper, `${namespace.root}/`, signal);
          }
        }
      },
      { signal },
    );
    return results.map((result) =>
      result.type === 'create' ? { ...result, path: namespace.fromReal(result.path) } : result,
    );
  }

  /** Whether it was refused because a create found that the root of the namespace does not exist yet. */
  #isForLackOfRoot(error: unknown): boolean {
    if (!(error instanceof MultiError) || !(error.cause instanceof NoNodeError)) return false;
    const failed = this.#operations[error.failedIndex];
    const { root } = this.#execution.namespace;
    return root !== '' && failed?.type === 'create' && parentOf(failed.path) === root;
  }

  #real(path: string): string {
    return this.#execution.namespace.toReal(path);
  }

  #and(operation: MultiOp): Transaction {
    return new Transaction(this.#execution, [...this.#operations, operation]);
  }
}
