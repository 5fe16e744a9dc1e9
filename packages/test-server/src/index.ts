/**
 * ZooKeeper server inside the process, for tests, demos and learning.
 *
 * @packageDocumentation
 */

// Identities
export { digestOf } from './access-control.js';
// Time
export { type Clock, systemClock, VirtualClock } from './clock.js';
// Faults
export { type Delay, type Direction, Faults, type OneFault } from './faults.js';
export type { ObservedRequest, OperationName, RequestMatch } from './observed-request.js';
export type { FourLetterWord, TestServerOptions } from './options.js';
// The server
export { type DumpedZnode, type ServerStatus, type SessionInfo, TestServer } from './server.js';
export type { Snapshot, ZnodeSnapshot } from './snapshot.js';
export type { ServerStatistics } from './statistics.js';
export type { ZnodeKind } from './znode.js';
