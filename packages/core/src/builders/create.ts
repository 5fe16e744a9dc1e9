import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import {
  type Acl,
  BadVersionError,
  CreateMode,
  NodeExistsError,
  NoNodeError,
  type Stat,
  type ZnodeData,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { checkArgument } from '../check-options.js';
import { ZnodeOwnerError } from '../errors.js';
import { dataOrOptions } from '../execution/call-check.js';
import {
  type CreatedZnode,
  type CreateRequest,
  createWithParents,
  isEphemeral,
  isSequential,
  ProtectedCreation,
} from '../execution/creation.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { type Attempt, once } from '../execution/executor.js';
import { isSameData } from './same-data.js';

const modeSchema = z.enum(CreateMode);

/** Settings of a create. */
export interface CreateDescription {
  readonly mode: CreateMode;
  readonly acl: readonly Acl[] | undefined;
  readonly ttlMs: number | undefined;
  readonly creatingParents: boolean;
  readonly protection: boolean;
  readonly idempotent: boolean;
  /** Expected version for the `setData` that replaces the create if the znode exists already; `null` for no `setData`. */
  readonly orSetData: number | null;
}

/** Settings of a create without any steps. */
export const PLAIN_CREATE: CreateDescription = {
  mode: 'PERSISTENT',
  acl: undefined,
  ttlMs: undefined,
  creatingParents: false,
  protection: false,
  idempotent: false,
  orSetData: null,
};

/**
 * Creates a znode. Immutable: each step returns a new builder.
 *
 * A plain create with a lost reply is not repeated, because the server may have executed it: the promise rejects with a
 * `ConnectionLossError` of outcome `unknown`. `withProtection()`, `orSetData()` and `idempotent()` make a create safe to repeat. For
 * sequential modes only `withProtection()` does.
 */
export class CreateBuilder<Result> {
  readonly #execution: Execution;
  readonly #description: CreateDescription;
  readonly #present: (created: CreatedZnode) => Result;

  constructor(execution: Execution, description: CreateDescription, present: (created: CreatedZnode) => Result) {
    this.#execution = execution;
    this.#description = description;
    this.#present = present;
  }

  /**
   * Sets the mode; the default is `PERSISTENT`.
   *
   * @throws {TypeError} when the mode does not exist
   */
  withMode(mode: CreateMode): CreateBuilder<Result> {
    checkArgument('mode', modeSchema, mode);
    return this.#with({ mode });
  }

  /** Sets the access control list of the znode, instead of the list from the `acl` option. Parents still get the list from the option. */
  withAcl(acl: readonly Acl[]): CreateBuilder<Result> {
    return this.#with({ acl });
  }

  /**
   * Sets the time to live, which the modes with a TTL require.
   *
   * @param ttlMs milliseconds, 1 to 2^40-1
   */
  withTtl(ttlMs: number): CreateBuilder<Result> {
    return this.#with({ ttlMs });
  }

  /** Creates missing parents: empty containers, or persistent znodes if the server does not support containers. */
  creatingParents(): CreateBuilder<Result> {
    return this.#with({ creatingParents: true });
  }

  /**
   * Puts `_c_<uuid>-` before the name, so that the builder can find the znode again after a lost reply.
   *
   * The builder accepts an ephemeral as its own only if the ephemeral belongs to the current session. If the create fails or the caller
   * gives up, a znode that it may have created is removed. The name is new each time, so `idempotent()` and `orSetData()` have no effect
   * together with this step.
   */
  withProtection(): CreateBuilder<Result> {
    return this.#with({ protection: true });
  }

  /**
   * Accepts an existing znode if it equals the znode that this create makes. The znode must have the same data and must never have
   * changed. The mode decides its owner: the own session for an ephemeral, no session otherwise. The server does not distinguish a
   * persistent znode from a container or one with a TTL.
   */
  idempotent(): CreateBuilder<Result> {
    return this.#with({ idempotent: true });
  }

  /**
   * Sets the data instead if the znode exists and has the owner that the mode implies. The owner is the own session for `EPHEMERAL` and
   * no session for the other modes, which the server does not distinguish.
   *
   * If the znode is an ephemeral of an earlier session of this `Keeper`, the builder deletes it and repeats the create. Any other owner
   * causes a `ZnodeOwnerError`, and the data is not set.
   *
   * The builder checks the owner before it sets the data, and again in the reply. If another process deletes the znode between the check
   * and the write and creates its own, the write changes that znode and the promise rejects.
   *
   * @param version version that the znode must have; -1, the default, matches any. With any other version the builder does not repeat a
   *   `setData` of unknown outcome
   */
  orSetData(version = -1): CreateBuilder<Result> {
    return this.#with({ orSetData: version });
  }

  /** Resolves with `{ path, stat }` instead of the path. */
  withStat(): CreateBuilder<CreatedZnode> {
    return new CreateBuilder(this.#execution, this.#description, (created) => created);
  }

  /**
   * Creates the znode.
   *
   * @param path path of the znode; the server appends ten digits to a sequential one
   * @param data data of the znode; default: the `defaultData` option. `null` is not the same as empty
   * @returns the actual path
   * @throws {TypeError} when the second argument is neither data nor options; nothing is sent
   * @throws {NodeExistsError} when the znode exists already
   * @throws {ZnodeOwnerError} with `orSetData`, when the znode exists already and has another owner than the mode implies
   * @throws {NoNodeError} when the parent does not exist
   * @throws {ConnectionLossError} when the retries are used up, or the outcome is unknown and the create is not safe to repeat
   */
  forPath(path: string, data?: ZnodeData, options?: CallOptions): Promise<Result>;
  forPath(path: string, options: CallOptions): Promise<Result>;
  async forPath(path: string, second?: ZnodeData | CallOptions, last?: CallOptions): Promise<Result> {
    const { data, signal } = dataOrOptions('create().forPath', second, last);
    const { acl, mode, ttlMs, creatingParents, protection } = this.#description;
    const { namespace } = this.#execution;
    const isNameMade = protection || isSequential(mode);
    const realPath = isNameMade ? namespace.toRealChild(path) : namespace.toReal(path);
    const request: CreateRequest = {
      realPath,
      data: data === undefined ? this.#execution.defaultData : data,
      mode,
      acl: acl ?? this.#execution.aclFor(realPath),
      ttlMs,
      creatingParents,
    };
    const created = protection ? await this.#createProtected(request, signal) : await this.#create(request, signal);
    return this.#present({ path: namespace.fromReal(created.path), stat: created.stat });
  }

  async #createProtected(request: CreateRequest, signal: AbortSignal | undefined): Promise<CreatedZnode> {
    const creation = new ProtectedCreation(this.#execution, request, randomUUID);
    try {
      return await this.#execution.executor.run((attempt) => creation.attempt(attempt), { signal });
    } catch (error) {
      creation.abandon();
      throw error;
    }
  }

  async #create(request: CreateRequest, signal: AbortSignal | undefined): Promise<CreatedZnode> {
    const { idempotent, orSetData } = this.#description;
    const mayRepeat = (idempotent || orSetData !== null) && !isSequential(request.mode);
    const guard = mayRepeat ? (created: Promise<CreatedZnode>) => created : once<CreatedZnode>;
    return await this.#execution.executor.run(
      async (attempt) => {
        for (;;) {
          try {
            return await createWithParents(this.#execution, attempt, request, guard);
          } catch (error) {
            if (!(error instanceof NodeExistsError)) throw error;
            const there = await this.#acceptExisting(attempt, request);
            if (there === 'gone') continue;
            if (there === null) throw error;
            return { path: request.realPath, stat: there };
          }
        }
      },
      { signal },
    );
  }

  /**
   * Decides about a znode that exists already: returns its stat if this create accepts the znode, `null` if not, and `gone` if the znode
   * has disappeared.
   */
  async #acceptExisting(attempt: Attempt, request: CreateRequest): Promise<Stat | 'gone' | null> {
    const { idempotent, orSetData } = this.#description;
    try {
      if (orSetData !== null) return await this.#setInstead(attempt, request, orSetData);
      return idempotent ? await matchingStat(attempt, request) : null;
    } catch (error) {
      if (error instanceof NoNodeError) return 'gone';
      throw error;
    }
  }

  async #setInstead(attempt: Attempt, request: CreateRequest, version: number): Promise<Stat | 'gone'> {
    const { zookeeper, signal } = attempt;
    const { realPath, data } = request;
    const found = await zookeeper.exists(realPath, { signal });
    if (found === null) return 'gone';
    if (this.#execution.isEarlierSession(found.ephemeralOwner)) return await deleteGhost(attempt, realPath, found);
    checkOwner(attempt, request, found);
    const set = zookeeper.setData(realPath, data, { version, signal });
    const stat = await (version === -1 ? set : once(set));
    checkOwner(attempt, request, stat);
    return stat;
  }

  #with(change: Partial<CreateDescription>): CreateBuilder<Result> {
    return new CreateBuilder(this.#execution, { ...this.#description, ...change }, this.#present);
  }
}

/** Deletes an ephemeral of an earlier session of this `Keeper`, which the server has not ended yet. */
async function deleteGhost({ zookeeper, signal }: Attempt, realPath: string, { version }: Stat): Promise<'gone'> {
  try {
    await zookeeper.delete(realPath, { version, signal });
  } catch (error) {
    // Another znode may have the name by now; the next attempt finds it.
    if (!(error instanceof NoNodeError || error instanceof BadVersionError)) throw error;
  }
  return 'gone';
}

/** @throws {ZnodeOwnerError} when the znode has another owner than the mode implies */
function checkOwner({ zookeeper }: Attempt, { realPath, mode }: CreateRequest, { ephemeralOwner }: Stat): void {
  const expected = ownerFor(mode, zookeeper);
  if (ephemeralOwner !== expected) throw new ZnodeOwnerError(realPath, expected, ephemeralOwner);
}

/** Returns the session that owns a znode of this mode; 0n for none. */
function ownerFor(mode: CreateMode, { sessionId }: ZooKeeper): bigint {
  return isEphemeral(mode) ? sessionId : 0n;
}

async function matchingStat({ zookeeper, signal }: Attempt, request: CreateRequest): Promise<Stat | null> {
  const { data, stat } = await zookeeper.getData(request.realPath, { signal });
  const isOwned = stat.ephemeralOwner === ownerFor(request.mode, zookeeper);
  return stat.version === 0 && isOwned && isSameData(data, request.data) ? stat : null;
}
