import { describeError, RecipeError } from '@zk-recipes/core';

/** Something was asked of a candidate that is not in the election: it was not started, or closed. */
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

/** It can be started once. */
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
