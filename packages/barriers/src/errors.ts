import { describeError, RecipeError } from '@zk-recipes/core';

/** Second entry into a double barrier by an object that is inside, entering or leaving. */
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

/** Leave of a double barrier by an object that is not inside. */
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
