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
