/**
 * `Keeper`: a connection to ZooKeeper as the basis of recipes.
 *
 * @packageDocumentation
 */

// From the underlying client: types and functions for users of the Keeper and authors of recipes
export {
  type Acl,
  AddWatchMode,
  type AttemptFailure,
  type Auth,
  AuthFailedError,
  BadArgumentsError,
  BadVersionError,
  ChrootMissingError,
  ClosedError,
  ConnectFailedError,
  ConnectionLossError,
  CreateMode,
  creatorAllAcl,
  DataInconsistencyError,
  digestAuth,
  digestId,
  EphemeralOnLocalSessionError,
  ErrorCode,
  FrameTooLargeError,
  type HistoryWentBack,
  type Id,
  InvalidAclError,
  KeeperError,
  MarshallingError,
  MultiError,
  type MultiErrorResult,
  type MultiResult,
  NewConfigNoQuorumError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  NotReadOnlyError,
  NoWatcherError,
  openAclUnsafe,
  Perms,
  QuotaExceededError,
  ReconfigDisabledError,
  ReconfigInProgressError,
  type RequestOutcome,
  RequestRejectedError,
  RequestTooLargeError,
  RuntimeInconsistencyError,
  readAclUnsafe,
  SessionExpiredError,
  type SessionExpiry,
  SessionMovedError,
  SessionRequiresAuthError,
  type Stat,
  ThrottledOpError,
  type Tls,
  TlsError,
  type TlsFailure,
  type TlsOptions,
  UnimplementedError,
  validatePath,
  type WatchedEvent,
  type WatchedEventType,
  type Watcher,
  type WatcherType,
  type WatchHandle,
  type ZnodeData,
  type ZooKeeper,
  ZooKeeperError,
} from 'zookeeper-ts-client';
// Builders
export type { GetAclBuilder, SetAclBuilder, SetAclStart, ZnodeAcl } from './builders/acl.js';
export type { CreateBuilder } from './builders/create.js';
export type { DeleteBuilder } from './builders/delete.js';
export type { ExistsBuilder } from './builders/exists.js';
export type { GetChildrenBuilder, ZnodeChildren } from './builders/get-children.js';
export type { GetDataBuilder, ZnodeContent } from './builders/get-data.js';
export type { SetDataBuilder } from './builders/set-data.js';
export type { SyncBuilder } from './builders/sync.js';
export type { ExpectedVersion, Transaction, TransactionCreateOptions } from './builders/transaction.js';
export type { RemoveWatchBuilder, WatchBuilder } from './builders/watch.js';
export type { ConnectionState, StateChange, StateChangeReason } from './connection-state.js';
export { BACKGROUND_ERROR_CHANNEL, type BackgroundError } from './diagnostics.js';
export type { EndingOptions } from './endings.js';
// Errors of recipes
export {
  DirectoryTooLargeError,
  describeError,
  ForeignZnodeError,
  HoldLostError,
  type HoldLostReason,
  NotHeldError,
  RecipeError,
  SelfWaitError,
  SequenceUsedUpError,
  TimeLimitError,
  ZnodeOwnerError,
} from './errors.js';
export type { CreatedZnode } from './execution/creation.js';
export type { CallOptions } from './execution/execution.js';
// Protection, for recipes that read the names of other recipes' znodes
export { type ProtectedName, parseProtectedName, protectedPrefix } from './execution/protection.js';
// Retry policies
export {
  exponentialBackoff,
  type RetryPolicy,
  retryForever,
  retryNTimes,
  retryUntilElapsed,
} from './execution/retry-policy.js';
// The keeper
export { Keeper, type KeeperEvents } from './keeper.js';
export type { KeeperOptions } from './options.js';
// Holds and their contenders
export type { Contender } from './recipe-kit/contender.js';
export type { Hold, LossPolicy } from './recipe-kit/hold.js';
