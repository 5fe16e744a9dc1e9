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
