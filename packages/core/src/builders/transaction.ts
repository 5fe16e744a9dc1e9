import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { type Acl, CreateMode, type MultiOp, type MultiResult, op, type ZnodeData } from 'zookeeper-ts-client';
import { checkOptions } from '../check-options.js';
import { signalOf } from '../execution/call-check.js';
import { isSequential } from '../execution/creation.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { TransactionRun, type TransactionStep } from '../execution/transaction-run.js';

/** How a znode is created in a transaction. */
export interface TransactionCreateOptions {
  /** Default `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Default: what the `acl` option of the `Keeper` says. */
  readonly acl?: readonly Acl[] | undefined;
  /** For the modes with a TTL, which need it: milliseconds, 1 to 2^40-1. */
  readonly ttlMs?: number | undefined;
  /**
   * Puts `_c_<uuid>-` before the name, by which it is told after a lost reply whether the transaction was executed; then it is safe to
   * repeat. When it fails or is given up, what it may have created under protection is removed. Default false.
   */
  readonly protection?: boolean | undefined;
}

/** The rest is checked with the operation. */
const createSchema = z.strictObject({
  mode: z.optional(z.enum(CreateMode)),
  acl: z.optional(z.unknown()),
  ttlMs: z.optional(z.unknown()),
  protection: z.optional(z.boolean()),
});

/** Which version an operation expects. */
export interface ExpectedVersion {
  /** -1, the default, matches any. */
  readonly version?: number | undefined;
}

/**
 * Operations that the server does all or none of. Immutable: each step returns a new transaction, so one can be begun once
 * and gone on with in several ways.
 *
 * When the reply was lost, it is not sent again: `commit` rejects with a `ConnectionLossError` of outcome `unknown`. With a protected
 * create in it, one can tell afterwards, and it is sent again if need be.
 */
export class Transaction {
  readonly #execution: Execution;
  readonly #creatingParents: boolean;
  readonly #steps: Steps | null;

  /** @param steps in real paths */
  constructor(execution: Execution, creatingParents = false, steps: Steps | null = null) {
    this.#execution = execution;
    this.#creatingParents = creatingParents;
    this.#steps = steps;
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

  /** Makes missing parents of what is created: empty containers, or persistent znodes where the server does not know containers. */
  creatingParents(): Transaction {
    return new Transaction(this.#execution, true, this.#steps);
  }

  /**
   * Has the server do all of it.
   *
   * @returns one result an operation, in their order. Where it was only found that an earlier attempt was executed, the stat of a
   *   `setData` is that of now; so is that of a create without protection, `null` if it is there no more, and the path of a sequential one
   *   lacks its number
   * @throws {MultiError} refused: nothing was done; `failedIndex` says which operation is to blame
   * @throws {NoNodeError} done, but the znode of a protected create was removed by somebody else at once
   * @throws {SessionExpiredError} the session for which it was meant is over
   * @throws {ConnectionLossError} the retries are used up, or the outcome is unknown
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

/** The last step, and those before it: shared by all who go on from them, so none is copied. */
interface Steps {
  readonly before: Steps | null;
  readonly step: TransactionStep;
}

function inOrder(last: Steps | null): TransactionStep[] {
  const steps: TransactionStep[] = [];
  for (let one = last; one !== null; one = one.before) steps.push(one.step);
  return steps.reverse();
}
