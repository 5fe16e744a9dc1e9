import { aFunction, anyBigint, anything, aSignal, aString, type ChecksOf } from '../checks/option-checks.js';
import type { Acl } from '../protocol/acl.js';
import type { RequestSignal } from '../session/request-signal.js';
import type { Watcher } from '../watches/watched-event.js';
import type { CreateMode } from './create-mode.js';

/** What every method takes. */
export interface RequestOptions {
  /** Stops the waiting: the promise rejects with the signal's reason. What was sent cannot be taken back. */
  readonly signal?: RequestSignal | undefined;
}

/** What reads take. */
export interface ReadOptions extends RequestOptions {
  /** Called once, when what was read has changed. */
  readonly watch?: Watcher | undefined;
}

/** What `create` takes. */
export interface CreateOptions {
  /** Default `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Default `openAclUnsafe`. */
  readonly acl?: readonly Acl[] | undefined;
  /** For the TTL modes only: milliseconds, 1 to 2^40-1. */
  readonly ttlMs?: number | undefined;
}

/** What operations with an expected version take. */
export interface VersionOptions {
  /** Default -1, which matches any version. */
  readonly version?: number | undefined;
}

/** How an ensemble is to change; servers as in its configuration file. */
export interface ReconfigChange {
  /** Servers that join: `server.5=host:2888:3888;2181`, several separated by commas. */
  readonly joining?: string | undefined;
  /** Ids of servers that leave, separated by commas. */
  readonly leaving?: string | undefined;
  /** All servers, instead of those that join and leave. */
  readonly newMembers?: string | undefined;
  /** Version of the configuration that the change is meant for; -1n, the default, for any. */
  readonly fromConfig?: bigint | undefined;
}

/** What `reconfig` takes. */
export interface ReconfigOptions extends ReconfigChange, RequestOptions {}

/** What the options of a request must be. */
export const requestChecks: ChecksOf<RequestOptions> = { signal: aSignal };
/** What the options of a read must be. */
export const readChecks: ChecksOf<ReadOptions> = { ...requestChecks, watch: aFunction };
/** What the options of a create in a `multi` must be; how they go together is checked with the request. */
export const createChecks: ChecksOf<CreateOptions> = { mode: anything, acl: anything, ttlMs: anything };
/** What the options of a create must be. */
export const createCallChecks: ChecksOf<CreateOptions & RequestOptions> = { ...createChecks, ...requestChecks };
/** What the options of an operation in a `multi` with an expected version must be; the version itself is checked with the request. */
export const versionChecks: ChecksOf<VersionOptions> = { version: anything };
/** What the options of a request with an expected version must be. */
export const versionCallChecks: ChecksOf<VersionOptions & RequestOptions> = { ...versionChecks, ...requestChecks };
/** What the options of `reconfig` must be. */
export const reconfigChecks: ChecksOf<ReconfigOptions> = {
  ...requestChecks,
  joining: aString,
  leaving: aString,
  newMembers: aString,
  fromConfig: anyBigint,
};
