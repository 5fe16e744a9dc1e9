import { describeError, RecipeError } from '@zk-recipes/core';
import { messageOf } from '@zk-recipes/core/recipe-kit';

/** Record that is malformed, or of a version that this process does not know. The message says why. */
export class MalformedRecordError extends RecipeError {
  declare readonly code: 'ZK_MALFORMED_RECORD';
  static {
    describeError(MalformedRecordError, 'MalformedRecordError', 'ZK_MALFORMED_RECORD');
  }
  /** Path of the record's znode. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    const why = options?.cause === undefined ? '' : `: ${messageOf(options.cause)}`;
    super(`${path} does not hold what a two-phase commit writes there${why}`, options);
    this.path = path;
  }
}

/** Request of an operator that contradicts the decision or a vote, or names a missing transaction. */
export class TransactionStateError extends RecipeError {
  declare readonly code: 'ZK_TRANSACTION_STATE';
  static {
    describeError(TransactionStateError, 'TransactionStateError', 'ZK_TRANSACTION_STATE');
  }
  /** Id of the transaction. */
  readonly id: string;

  constructor(id: string, why: string, options?: ErrorOptions) {
    super(`transaction ${id} ${why}`, options);
    this.id = id;
  }
}

/** Second start of a participant. */
export class ParticipantStartedError extends RecipeError {
  declare readonly code: 'ZK_PARTICIPANT_STARTED';
  static {
    describeError(ParticipantStartedError, 'ParticipantStartedError', 'ZK_PARTICIPANT_STARTED');
  }
  /** Name of the participant. */
  readonly participant: string;

  constructor(participant: string, options?: ErrorOptions) {
    super(`participant ${participant} was started already`, options);
    this.participant = participant;
  }
}

/**
 * Large number of unfinished transactions of a participant. From 1,000 on it is a `backgroundError`. From `maxUnfinished` on, `run` throws
 * it, and begins nothing.
 */
export class BacklogError extends RecipeError {
  declare readonly code: 'ZK_BACKLOG';
  static {
    describeError(BacklogError, 'BacklogError', 'ZK_BACKLOG');
  }
  /** Name of the participant. */
  readonly participant: string;
  /** Number of transactions that the participant has not finished. */
  readonly count: number;
  /** Number from which on no more transactions begin. */
  readonly limit: number;

  constructor(participant: string, count: number, limit: number, options?: ErrorOptions) {
    super(
      `participant ${participant} has ${count} unfinished transactions; from ${limit} on (maxUnfinished) no more are begun: start it, or, if ` +
        'it never comes back, call forget({ participant, olderThanMs, operator, reason })',
      options,
    );
    this.participant = participant;
    this.count = count;
    this.limit = limit;
  }
}
