import { describeError, RecipeError } from '@zk-recipes/core';

/** Call on a candidate that is not in the election: the candidate is not started, or is closed. */
export class NotStartedError extends RecipeError {
  declare readonly code: 'ZK_NOT_STARTED';
  static {
    describeError(NotStartedError, 'NotStartedError', 'ZK_NOT_STARTED');
  }
  /** Path of the election. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`not a candidate of ${path}: start() comes first`, options);
    this.path = path;
  }
}

/** Second start of a candidate; a candidate can be started once. */
export class AlreadyStartedError extends RecipeError {
  declare readonly code: 'ZK_ALREADY_STARTED';
  static {
    describeError(AlreadyStartedError, 'AlreadyStartedError', 'ZK_ALREADY_STARTED');
  }
  /** Path of the election. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`already a candidate of ${path}`, options);
    this.path = path;
  }
}
