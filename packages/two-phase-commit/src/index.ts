/**
 * Two-phase commit on Apache ZooKeeper: transactions that all participants commit, or none.
 *
 * @packageDocumentation
 */

// Payloads
export type { Codec } from './codec.js';
// Coordinators
export { Coordinator } from './coordinator.js';
export type {
  CoordinatorOptions,
  Counts,
  FailedTransaction,
  ForceOptions,
  ForgetOptions,
  Forgotten,
  OperatorCall,
  Outcome,
  PendingTransaction,
  Recovery,
  RunOptions,
  UnreadableRecord,
} from './coordinator-options.js';
// Errors
export { BacklogError, MalformedRecordError, ParticipantStartedError, TransactionStateError } from './errors.js';
// Participants
export { Participant } from './participant.js';
export type {
  ParticipantHandlers,
  ParticipantOptions,
  ParticipantTransaction,
  PreparedCall,
  SettleCall,
  SettleOrphanOptions,
} from './participant-options.js';
