import { describeError, RecipeError } from '@zk-recipes/core';
import { messageOf } from '@zk-recipes/core/recipe-kit';

/** A record is malformed, or of a version that this process does not know. The message says why. */
export class MalformedRecordError extends RecipeError {
  declare readonly code: 'ZK_MALFORMED_RECORD';
  static {
    describeError(MalformedRecordError, 'MalformedRecordError', 'ZK_MALFORMED_RECORD');
  }
  /** The znode. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    const why = options?.cause === undefined ? '' : `: ${messageOf(options.cause)}`;
    super(`${path} does not hold what a two-phase commit writes there${why}`, options);
    this.path = path;
  }
}

/** An operator has asked for something that contradicts what is decided, or what was voted, or that is not there. */
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

/** A participant was started twice. */
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
 * A participant has many unfinished transactions: as a `backgroundError` from 1,000 on; thrown by `run` from `maxUnfinished` on, and nothing is
 * begun.
 */
export class BacklogError extends RecipeError {
  declare readonly code: 'ZK_BACKLOG';
  static {
    describeError(BacklogError, 'BacklogError', 'ZK_BACKLOG');
  }
  /** Name of the participant. */
  readonly participant: string;
  /** How many transactions it has not finished. */
  readonly count: number;
  /** From how many on no more are begun. */
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
