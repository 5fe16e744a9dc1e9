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

/** A znode to be created. */
export interface CreateRequest {
  readonly realPath: string;
  readonly data: Uint8Array | string | null;
  readonly mode: CreateMode;
  readonly acl: readonly Acl[] | undefined;
  readonly ttlMs: number | undefined;
  readonly creatingParents: boolean;
}

/** A znode that was created, or found to be there already. */
export interface CreatedZnode {
  /** Its actual path: with the protection's prefix and the server's number. */
  readonly path: string;
  readonly stat: Stat;
}

/** Whether znodes of this mode end with their session. */
export function isEphemeral(mode: CreateMode): boolean {
  return mode === 'EPHEMERAL' || mode === 'EPHEMERAL_SEQUENTIAL';
}

/** Whether the server gives znodes of this mode a number, so that a repeated create makes a second one. */
export function isSequential(mode: CreateMode): boolean {
  return mode.includes('SEQUENTIAL');
}

/**
 * Creates a znode, and its parents when that fails for the lack of them. In a loop, since a container that is still
 * empty may be reaped before its first child comes.
 *
 * @param guard what the create itself is passed through, e.g. `once`; its parents can be made any number of times
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

/** Notes the ephemeral that a request creates; one of a given name at once, since the reply may be lost. */
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
 * The create of one protected znode, over all of its attempts.
 *
 * Its name carries a uuid. As long as it is not certain that no earlier attempt has created it, every attempt first looks for
 * the uuid; the look-up may itself fail and be tried again, without anything being forgotten. What is found counts only
 * if it belongs to the session of now: the ephemeral of an earlier one is about to vanish.
 */
export class ProtectedCreation {
  readonly #execution: Execution;
  readonly #request: CreateRequest;
  readonly #newUuid: () => string;
  #uuid: string;
  readonly #doubt = new Doubt();

  /** @param newUuid a source of uuids that never repeat */
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

  /** The operation has failed for its caller: whatever an attempt may have created goes again. */
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

/** Whether an attempt may have been executed that nobody has been told of. */
export class Doubt {
  #exists = false;
  #epoch: number | undefined;

  get exists(): boolean {
    return this.#exists;
  }

  /** Ordinal of the session of the newest attempt; the session's id may change on the way from a read-only server to another. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** Makes an attempt, after which there is doubt, unless it certainly did nothing. A look-up costs little, so only certainty saves it. */
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
