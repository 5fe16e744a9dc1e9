import {
  aFunction,
  anyBigint,
  anything,
  aSignal,
  aString,
  type ChecksOf,
  checkOptions,
} from '../checks/option-checks.js';
import type { Acl } from '../protocol/acl.js';
import type { RequestSignal } from '../session/request-signal.js';
import type { Watcher } from '../watches/watched-event.js';
import type { CreateMode } from './create-mode.js';

/** Options of every request method. */
export interface RequestOptions {
  /**
   * Signal that stops the wait: the promise rejects with the signal's reason. The client cannot take back a request that it has sent.
   */
  readonly signal?: RequestSignal | undefined;
}

/** Options of reads. */
export interface ReadOptions extends RequestOptions {
  /** Watcher that is called once, when the result of the read has changed. */
  readonly watch?: Watcher | undefined;
}

/** Options of `create`. */
export interface CreateOptions {
  /** Kind of the znode. Default `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** ACL of the znode. Default `openAclUnsafe`. */
  readonly acl?: readonly Acl[] | undefined;
  /** Time to live in milliseconds, 1 to 2^40-1. Only for the TTL modes, which require it. */
  readonly ttlMs?: number | undefined;
}

/** Options of operations with an expected version. */
export interface VersionOptions {
  /** Expected version. Default -1, which matches any version. */
  readonly version?: number | undefined;
}

/** Change of an ensemble. Servers are written as in the ensemble's configuration file. */
export interface ReconfigChange {
  /** Servers that join, separated by commas: `server.5=host:2888:3888;2181`. */
  readonly joining?: string | undefined;
  /** Ids of the servers that leave, separated by commas. */
  readonly leaving?: string | undefined;
  /** Complete new list of servers, instead of `joining` and `leaving`. */
  readonly newMembers?: string | undefined;
  /** Version of the configuration that the change requires. Default -1n, which matches any version. */
  readonly fromConfig?: bigint | undefined;
}

/** Options of `reconfig`. */
export interface ReconfigOptions extends ReconfigChange, RequestOptions {}

/** Checks for the options of a request. */
export const requestChecks: ChecksOf<RequestOptions> = { signal: aSignal };
/**
 * Checks the options of a request.
 *
 * @param where owner of the options, for the message
 * @throws {TypeError} when an option is unknown, or `signal` is not a signal; the message names the option
 */
export function checkRequestOptions(where: string, options: RequestOptions): void {
  checkOptions(where, requestChecks, options);
}

/** Checks for the options of a read. */
export const readChecks: ChecksOf<ReadOptions> = { ...requestChecks, watch: aFunction };
/** Checks for the options of a create in a `multi`. The values are checked with the request. */
export const createChecks: ChecksOf<CreateOptions> = { mode: anything, acl: anything, ttlMs: anything };
/** Checks for the options of a create. */
export const createCallChecks: ChecksOf<CreateOptions & RequestOptions> = { ...createChecks, ...requestChecks };
/** Checks for the options of an operation with an expected version in a `multi`. The version is checked with the request. */
export const versionChecks: ChecksOf<VersionOptions> = { version: anything };
/** Checks for the options of a request with an expected version. */
export const versionCallChecks: ChecksOf<VersionOptions & RequestOptions> = { ...versionChecks, ...requestChecks };
/** Checks for the options of `reconfig`. */
export const reconfigChecks: ChecksOf<ReconfigOptions> = {
  ...requestChecks,
  joining: aString,
  leaving: aString,
  newMembers: aString,
  fromConfig: anyBigint,
};
