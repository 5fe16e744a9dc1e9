import { type Acl, NoNodeError } from 'zookeeper-ts-client';
import type { Parents } from './ensure-parents.js';
import type { Attempt, Executor } from './executor.js';
import type { GuaranteedDeletes, LivingSessions } from './guaranteed-delete.js';
import type { Namespace } from './namespace.js';
import type { OwnEphemerals } from './own-ephemerals.js';
import type { Watches } from './watches.js';

/** What every call may be given. */
export interface CallOptions {
  /** Gives up waiting: the call rejects at once with the signal's reason. What was sent may be executed none the less. */
  readonly signal?: AbortSignal | undefined;
}

/** All that a builder needs to execute what it describes. */
export interface Execution {
  readonly executor: Executor;
  readonly namespace: Namespace;
  readonly watches: Watches;
  readonly parents: Parents;
  readonly deletes: GuaranteedDeletes;
  readonly sessions: LivingSessions;
  /** The ephemerals that this process has on the servers. */
  readonly ephemerals: OwnEphemerals;
  /** The access control list of a new znode, by its real path; `undefined` leaves it to the client. */
  readonly aclFor: (realPath: string) => readonly Acl[] | undefined;
  /** What a znode holds that is created without data. */
  readonly defaultData: Uint8Array;
  /** Whether a session is an earlier one of this `Keeper`. An ephemeral of such a session is about to vanish, and blocks only this `Keeper`. */
  readonly isEarlierSession: (sessionId: bigint) => boolean;
}

/**
 * Makes an attempt, and another when it failed only because the root of the namespace does not exist yet.
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
