import { describeError, RecipeError } from '@zk-recipes/core';

/** PostgreSQL cannot prepare a transaction, or has not got what was prepared. */
export class PreparedTransactionError extends RecipeError {
  declare readonly code: 'ZK_PREPARED_TRANSACTION';
  static {
    describeError(PreparedTransactionError, 'PreparedTransactionError', 'ZK_PREPARED_TRANSACTION');
  }
  /** The transaction's identifier in PostgreSQL. */
  readonly gid: string;

  constructor(gid: string, why: string, options?: ErrorOptions) {
    super(`PostgreSQL's transaction '${gid}' ${why}`, options);
    this.gid = gid;
  }
}
