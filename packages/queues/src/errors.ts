import { describeError, RecipeError } from '@zk-recipes/core';

/** List of a queue's items that is larger than this client or the server accepts. */
export class QueueTooLargeError extends RecipeError {
  declare readonly code: 'ZK_QUEUE_TOO_LARGE';
  static {
    describeError(QueueTooLargeError, 'QueueTooLargeError', 'ZK_QUEUE_TOO_LARGE');
  }
  /** Path of the queue. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(
      `the list of items of ${path} is larger than the limit of a frame: raise \`maxFrameBytes\` of the Keeper, and \`jute.maxbuffer\` of ` +
        'its other clients, or spread the items over a ShardedQueue',
      options,
    );
    this.path = path;
  }
}
