import { describeError, RecipeError } from '@zk-recipes/core';

/** A double barrier was to be entered by somebody who is inside already, or about to enter or to leave. */
export class AlreadyEnteredError extends RecipeError {
  declare readonly code: 'ZK_ALREADY_ENTERED';
  static {
    describeError(AlreadyEnteredError, 'AlreadyEnteredError', 'ZK_ALREADY_ENTERED');
  }
  /** Path of the barrier. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} is entered already: leave() comes first`, options);
    this.path = path;
  }
}

/** A double barrier was to be left by somebody who is not inside. */
export class NotEnteredError extends RecipeError {
  declare readonly code: 'ZK_NOT_ENTERED';
  static {
    describeError(NotEnteredError, 'NotEnteredError', 'ZK_NOT_ENTERED');
  }
  /** Path of the barrier. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} is not entered: enter() comes first`, options);
    this.path = path;
  }
}
