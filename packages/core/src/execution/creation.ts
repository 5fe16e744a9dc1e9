import {
  type Acl,
  ConnectionLossError,
  type CreateMode,
  KeeperError,
  NoNodeError,
  type Stat,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import type { Execution } from './execution.js';
import type { Attempt } from './executor.js';
import { lookUpProtected } from './guaranteed-delete.js';
import { parentOf } from './namespace.js';
import type { OwnEphemerals } from './own-ephemerals.js';
import { protectPath } from './protection.js';

/** Znode to create. */
export interface CreateRequest {
  readonly realPath: string;
  readonly data: Uint8Array | string | null;
  readonly mode: CreateMode;
  readonly acl: readonly Acl[] | undefined;
  readonly ttlMs: number | undefined;
  readonly creatingParents: boolean;
}

/** Znode that was created, or that existed already. */
export interface CreatedZnode {
  /** Actual path, with the prefix of the protection and the server's number. */
  readonly path: string;
  readonly stat: Stat;
}

/** Returns whether znodes of this mode end with their session. */
export function isEphemeral(mode: CreateMode): boolean {
  return mode === 'EPHEMERAL' || mode === 'EPHEMERAL_SEQUENTIAL';
}

/** Returns whether the server gives znodes of this mode a number, so that a repeated create makes a second znode. */
export function isSequential(mode: CreateMode): boolean {
  return mode.includes('SEQUENTIAL');
}

/**
 * Creates a znode, and its parents if the create fails because they are missing. Repeats both in a loop, because the server may reap a
 * container that is still empty before its first child is created.
 *
 * @param guard wraps the promise of the create itself, e.g. `once`; the parents can be created any number of times
 */
export async function createWithParents(
  { parents, namespace, ephemerals }: Execution,
  { zookeeper, signal }: Attempt,
  request: CreateRequest,
  guard: (created: Promise<CreatedZnode>) => Promise<CreatedZnode>,
): Promise<CreatedZnode> {
  const { realPath, data, mode, acl, ttlMs } = request;
  for (;;) {
    try {
      const created = zookeeper.create(realPath, data, { mode, acl, ttlMs, signal });
      return await guard(isEphemeral(mode) ? noted(created, ephemerals, zookeeper, request) : created);
    } catch (error) {
      const mayMakeParents =
        request.creatingParents || (namespace.root !== '' && parentOf(realPath) === namespace.root);
      if (!(error instanceof NoNodeError) || !mayMakeParents) throw error;
      if (!(await parents.ensure(zookeeper, realPath, signal))) throw error;
    }
  }
}

/** Notes the ephemeral that a request creates. An ephemeral with a given name is noted before the reply, because the reply may be lost. */
async function noted(
  created: Promise<CreatedZnode>,
  ephemerals: OwnEphemerals,
  { sessionId }: ZooKeeper,
  { realPath, mode }: CreateRequest,
): Promise<CreatedZnode> {
  const isNew = !isSequential(mode) && ephemerals.add(sessionId, realPath);
  try {
    const znode = await created;
    ephemerals.add(sessionId, znode.path);
    return znode;
  } catch (error) {
    if (isNew && error instanceof KeeperError) ephemerals.remove(sessionId, realPath);
    throw error;
  }
}

/**
 * Create of one protected znode, over all of its attempts.
 *
 * The name contains a uuid. While an earlier attempt may have created the znode, each attempt first looks for the uuid. The look-up may
 * fail and be repeated without loss of information. A found ephemeral counts only if it belongs to the current session: an ephemeral of
 * an earlier session is about to disappear.
 */
export class ProtectedCreation {
  readonly #execution: Execution;
  readonly #request: CreateRequest;
  readonly #newUuid: () => string;
  #uuid: string;
  readonly #doubt = new Doubt();

  /** @param newUuid source of uuids that never repeat */
  constructor(execution: Execution, request: CreateRequest, newUuid: () => string) {
    this.#execution = execution;
    this.#request = request;
    this.#newUuid = newUuid;
    this.#uuid = newUuid();
  }

  async attempt(attempt: Attempt): Promise<CreatedZnode> {
    if (this.#doubt.exists) {
      const own = await this.#lookUp(attempt);
      if (own !== null) return own;
    }
    const realPath = protectPath(this.#request.realPath, this.#uuid);
    return await this.#doubt.about(attempt, () =>
      createWithParents(this.#execution, attempt, { ...this.#request, realPath }, (created) => created),
    );
  }

  /** Removes the znode that an attempt may have created, after the operation has failed for its caller. */
  abandon(): void {
    if (!this.#doubt.exists) return;
    const epoch = isEphemeral(this.#request.mode) ? this.#doubt.epoch : undefined;
    this.#execution.deletes.deleteProtected(parentOf(this.#request.realPath), this.#uuid, epoch);
  }

  async #lookUp(attempt: Attempt): Promise<CreatedZnode | null> {
    const { zookeeper, signal } = attempt;
    const path = await lookUpProtected(attempt, parentOf(this.#request.realPath), this.#uuid);
    const stat = path === null ? null : await zookeeper.exists(path, { signal });
    if (path === null || stat === null) return null;
    if (!isEphemeral(this.#request.mode)) return { path, stat };
    if (stat.ephemeralOwner === zookeeper.sessionId) {
      this.#execution.ephemerals.add(zookeeper.sessionId, path);
      return { path, stat };
    }
    this.#execution.deletes.delete(path);
    this.#uuid = this.#newUuid();
    return null;
  }
}

/** Record of whether an attempt may have been executed with an unknown outcome. */
export class Doubt {
  #exists = false;
  #epoch: number | undefined;

  get exists(): boolean {
    return this.#exists;
  }

  /**
   * Ordinal of the session of the newest attempt. The ordinal stays valid if the session's id changes on the way from a read-only server
   * to another server.
   */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /**
   * Makes an attempt. Afterwards the outcome counts as unknown unless the attempt certainly did nothing: a look-up costs little, so only
   * certainty avoids one.
   */
  async about<T>({ epoch }: Attempt, perform: () => Promise<T>): Promise<T> {
    this.#exists = true;
    this.#epoch = epoch;
    try {
      return await perform();
    } catch (error) {
      if (error instanceof KeeperError || (error instanceof ConnectionLossError && error.outcome === 'not-sent')) {
        this.#exists = false;
      }
      throw error;
    }
  }
}
