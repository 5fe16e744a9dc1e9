import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { type Acl, CreateMode, type MultiOp, type MultiResult, op, type ZnodeData } from 'zookeeper-ts-client';
import { checkOptions } from '../check-options.js';
import { signalOf } from '../execution/call-check.js';
import { isSequential } from '../execution/creation.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { TransactionRun, type TransactionStep } from '../execution/transaction-run.js';

/** Options of a create in a transaction. */
export interface TransactionCreateOptions {
  /** Mode of the znode. Default `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Access control list. Default: the result of the `acl` option of the `Keeper`. */
  readonly acl?: readonly Acl[] | undefined;
  /** Time to live, which the modes with a TTL require: milliseconds, 1 to 2^40-1. */
  readonly ttlMs?: number | undefined;
  /**
   * Puts `_c_<uuid>-` before the name. After a lost reply the name shows whether the server executed the transaction, which makes the
   * transaction safe to repeat. If the transaction fails or the caller gives up, a protected znode that it may have created is removed.
   * Default false.
   */
  readonly protection?: boolean | undefined;
}

/** The operation checks the other options. */
const createSchema = z.strictObject({
  mode: z.optional(z.enum(CreateMode)),
  acl: z.optional(z.unknown()),
  ttlMs: z.optional(z.unknown()),
  protection: z.optional(z.boolean()),
});

/** Expected version of an operation. */
export interface ExpectedVersion {
  /** Version that the znode must have; -1, the default, matches any. */
  readonly version?: number | undefined;
}

/**
 * Transaction: the server executes all of its operations or none. Immutable: each step returns a new transaction, so several transactions
 * can share their first steps.
 *
 * If the reply is lost, the transaction is not repeated: `commit` rejects with a `ConnectionLossError` of outcome `unknown`. A
 * transaction with a protected create is the exception: `commit` finds out whether the server executed it, and repeats it if necessary.
 */
export class Transaction {
  readonly #execution: Execution;
  readonly #creatingParents: boolean;
  readonly #steps: Steps | null;

  /** @param steps operations, with real paths */
  constructor(execution: Execution, creatingParents = false, steps: Steps | null = null) {
    this.#execution = execution;
    this.#creatingParents = creatingParents;
    this.#steps = steps;
  }

  /**
   * Requires that a znode exists.
   *
   * @param version version that the znode must have; -1, the default, matches any
   */
  check(path: string, version = -1): Transaction {
    return this.#and(op.check(this.#real(path), { version }));
  }

  /** Sets the data of a znode. */
  setData(path: string, data: ZnodeData, options: ExpectedVersion = {}): Transaction {
    return this.#and(op.setData(this.#real(path), data, options));
  }

  /**
   * Creates a znode.
   *
   * @param data data of the znode; default: the `defaultData` option
   */
  create(
    path: string,
    data: ZnodeData = this.#execution.defaultData,
    options: TransactionCreateOptions = {},
  ): Transaction {
    checkOptions('transaction().create', createSchema, options);
    const { protection = false, ...created } = options;
    const isNameMade = protection || isSequential(options.mode ?? 'PERSISTENT');
    const realPath = isNameMade ? this.#execution.namespace.toRealChild(path) : this.#real(path);
    const acl = options.acl ?? this.#execution.aclFor(realPath);
    return this.#and(op.create(realPath, data, { ...created, acl }), protection);
  }

  /** Deletes a znode without children. */
  delete(path: string, options: ExpectedVersion = {}): Transaction {
    return this.#and(op.delete(this.#real(path), options));
  }

  /** Creates missing parents of the new znodes: empty containers, or persistent znodes if the server does not support containers. */
  creatingParents(): Transaction {
    return new Transaction(this.#execution, true, this.#steps);
  }

  /**
   * Sends the transaction to the server.
   *
   * @returns one result for each operation, in their order. If `commit` only found out that an earlier attempt was executed, some results
   *   differ. The stat of a `setData` is then the current stat. The stat of a create without protection is also current, or `null` if the
   *   znode is gone, and the path of a sequential znode lacks its number
   * @throws {MultiError} when the server refuses the transaction: it executed no operation, and `failedIndex` names the failed one
   * @throws {NoNodeError} when the transaction was executed, but another client removed the znode of a protected create at once
   * @throws {SessionExpiredError} when the session of the transaction is over
   * @throws {ConnectionLossError} when the retries are used up, or the outcome is unknown
   */
  async commit(options: CallOptions = {}): Promise<MultiResult[]> {
    const signal = signalOf('transaction().commit', options);
    const { executor, namespace } = this.#execution;
    const run = new TransactionRun(this.#execution, inOrder(this.#steps), this.#creatingParents, randomUUID);
    try {
      const results = await executor.run((attempt) => run.attempt(attempt), { signal });
      return results.map((result) =>
        result.type === 'create' ? { ...result, path: namespace.fromReal(result.path) } : result,
      );
    } catch (error) {
      run.abandon();
      throw error;
    }
  }

  #real(path: string): string {
    return this.#execution.namespace.toReal(path);
  }

  #and(operation: MultiOp, protection = false): Transaction {
    const steps = { before: this.#steps, step: { operation, protection } };
    return new Transaction(this.#execution, this.#creatingParents, steps);
  }
}

/** Last step and a reference to the steps before it. All transactions that continue from the same steps share them, so none is copied. */
interface Steps {
  readonly before: Steps | null;
  readonly step: TransactionStep;
}

function inOrder(last: Steps | null): TransactionStep[] {
  const steps: TransactionStep[] = [];
  for (let one = last; one !== null; one = one.before) steps.push(one.step);
  return steps.reverse();
}
