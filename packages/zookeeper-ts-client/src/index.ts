/**
 * Complete Apache ZooKeeper client.
 *
 * @packageDocumentation
 */

// Checks of callers' values, for recipes
export { asBytes, asData } from './checks/as-bytes.js';
export { received } from './checks/received.js';
export { unknownNameHint } from './checks/unknown-name.js';
export { CALLBACK_ERROR_CHANNEL } from './client/callbacks.js';
export { CreateMode } from './client/create-mode.js';
export { type MultiOp, type MultiReadResult, type MultiResult, op, type ReadOp } from './client/op.js';
export type { AttemptFailure, ZooKeeperOptions } from './client/options.js';
export type { ZnodeData } from './client/request-arguments.js';
export {
  type CreateOptions,
  checkRequestOptions,
  type ReadOptions,
  type ReconfigChange,
  type ReconfigOptions,
  type RequestOptions,
  type VersionOptions,
} from './client/request-options.js';
// The client
export type { DataAndStat, Request, ResponseOf, Responses } from './client/requests.js';
// Access control
export {
  type Auth,
  creatorAllAcl,
  digestAuth,
  digestId,
  openAclUnsafe,
  Perms,
  readAclUnsafe,
} from './client/well-known-acls.js';
export { ZooKeeper, type ZooKeeperEvents } from './client/zookeeper.js';
// Errors
export { ErrorCode } from './errors/error-code.js';
export * from './errors/errors.js';
// JSON form of records with 64-bit values, for recipes
export { jsonSafe } from './errors/json-safe.js';
export type { Acl, Id } from './protocol/acl.js';
export type { ClientInfo } from './protocol/operations/auth.js';
// Znodes
export type { Stat } from './protocol/stat.js';
export { validatePath } from './protocol/znode-path.js';
// Addresses
export { type ConnectString, parseConnectString, type ServerAddress } from './servers/connect-string.js';
// Clock, for recipes and tests
export { type Clock, type Moment, momentOf, type ScheduleOptions, systemClock } from './session/clock.js';
export type { RequestSignal } from './session/request-signal.js';
export type { HistoryWentBack } from './session/session-options.js';
export type { ConnectionState } from './session/session-state.js';
// Signals, for recipes
export { follow, unfollow } from './session/signal-followers.js';
export type { Tls, TlsOptions } from './transport/tls-transport.js';
export type { KeeperState, WatchedEvent, WatchedEventType, Watcher } from './watches/watched-event.js';
export type { RemoveWatchesOptions, WatchHandle } from './watches/watcher-set.js';
export { AddWatchMode, type WatcherType } from './watches/watcher-type.js';
