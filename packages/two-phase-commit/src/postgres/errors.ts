import { describeError, RecipeError } from '@zk-recipes/core';

/** Failure of PostgreSQL to prepare a transaction, or to find a prepared one. */
export class PreparedTransactionError extends RecipeError {
  declare readonly code: 'ZK_PREPARED_TRANSACTION';
  static {
    describeError(PreparedTransactionError, 'PreparedTransactionError', 'ZK_PREPARED_TRANSACTION');
  }
  /** Identifier of the prepared transaction in PostgreSQL. */
  readonly gid: string;

  constructor(gid: string, why: string, options?: ErrorOptions) {
    super(`PostgreSQL's transaction '${gid}' ${why}`, options);
    this.gid = gid;
  }
}
