import { type Acl, NoNodeError } from 'zookeeper-ts-client';
import type { Parents } from './ensure-parents.js';
import type { Attempt, Executor } from './executor.js';
import type { GuaranteedDeletes, LivingSessions } from './guaranteed-delete.js';
import type { Namespace } from './namespace.js';
import type { OwnEphemerals } from './own-ephemerals.js';
import type { Watches } from './watches.js';

/** Options of every call. */
export interface CallOptions {
  /**
   * Cancels the wait when it aborts: the call rejects at once with the signal's reason. The server may still execute a request that was
   * sent.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Dependencies with which a builder executes its operation. */
export interface Execution {
  readonly executor: Executor;
  readonly namespace: Namespace;
  readonly watches: Watches;
  readonly parents: Parents;
  readonly deletes: GuaranteedDeletes;
  readonly sessions: LivingSessions;
  /** Ephemerals of this process on the servers. */
  readonly ephemerals: OwnEphemerals;
  /** Returns the access control list of a new znode, by its real path; `undefined` leaves the list to the client. */
  readonly aclFor: (realPath: string) => readonly Acl[] | undefined;
  /** Data of a znode that is created without data. */
  readonly defaultData: Uint8Array;
  /**
   * Returns whether a session is an earlier one of this `Keeper`. An ephemeral of such a session is about to disappear, and blocks only
   * this `Keeper`.
   */
  readonly isEarlierSession: (sessionId: bigint) => boolean;
}

/**
 * Makes a request, and repeats it after it failed only because the root of the namespace does not exist yet.
 *
 * @param needed real path of the znode without which the request cannot succeed
 */
export async function withRoot<T>(
  { namespace, parents }: Execution,
  { zookeeper, signal }: Attempt,
  needed: string,
  request: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (needed !== namespace.root || !(error instanceof NoNodeError)) throw error;
      await parents.ensure(zookeeper, `${namespace.root}/`, signal);
    }
  }
}
