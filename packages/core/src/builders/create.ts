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

/** What a create is to do. */
export interface CreateDescription {
  readonly mode: CreateMode;
  readonly acl: readonly Acl[] | undefined;
  readonly ttlMs: number | undefined;
  readonly creatingParents: boolean;
  readonly protection: boolean;
  readonly idempotent: boolean;
  /** Version for the `setData` that takes the place of a create of what is there already; `null` for none. */
  readonly orSetData: number | null;
}

/** How a create begins. */
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
 * A plain create whose reply was lost is not sent again, since nobody can tell whether it was executed: it rejects with a
 * `ConnectionLossError` of outcome `unknown`. `withProtection()`, `orSetData()` and `idempotent()` make it safe to repeat; for
 * sequential modes only the first of them does.
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

  /** Default `PERSISTENT`. @throws {TypeError} there is no such mode */
  withMode(mode: CreateMode): CreateBuilder<Result> {
    checkArgument('mode', modeSchema, mode);
    return this.#with({ mode });
  }

  /** Access control list of the znode, instead of that of the `acl` option; parents keep to the option. */
  withAcl(acl: readonly Acl[]): CreateBuilder<Result> {
    return this.#with({ acl });
  }

  /** @param ttlMs for the modes with a TTL, which need it: milliseconds, 1 to 2^40-1 */
  withTtl(ttlMs: number): CreateBuilder<Result> {
    return this.#with({ ttlMs });
  }

  /** Makes missing parents: empty containers, or persistent znodes where the server does not know containers. */
  creatingParents(): CreateBuilder<Result> {
    return this.#with({ creatingParents: true });
  }

  /**
   * Puts `_c_<uuid>-` before the name, by which the znode is found again after a lost reply. An ephemeral is only taken for
   * the own one if it belongs to the session of now. When the create fails or is given up, what it may have left is removed.
   * Since the name is new each time, `idempotent()` and `orSetData()` have nothing to do beside it.
   */
  withProtection(): CreateBuilder<Result> {
    return this.#with({ protection: true });
  }

  /**
   * Success, too, if the znode is there already just as this create makes it: same data, never changed, and an ephemeral of the own
   * session or of none, as the mode says. The server does not tell a persistent znode from a container or one with a TTL.
   */
  idempotent(): CreateBuilder<Result> {
    return this.#with({ idempotent: true });
  }

  /**
   * Sets the data instead if the znode is there already, and has the owner that the mode gives it: the own session for `EPHEMERAL`, none
   * for the other modes, which the server does not tell apart. An ephemeral of an earlier session of this `Keeper` is deleted, and the
   * create repeated. Any other owner is a `ZnodeOwnerError`, and the data is not set.
   *
   * The owner is looked at before the data is set, and again in the answer. Should another process delete the znode in between and create
   * its own, the data is set there and the call rejects.
   *
   * @param version that it must have; -1, the default, matches any. With another one a `setData` of unknown outcome is not
   *   repeated
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
   * @param path of the znode; a sequential one gets ten digits appended
   * @param data the `defaultData` option where not given; `null` is not the same as empty
   * @returns the actual path
   * @throws {TypeError} the data is neither data nor options; nothing is sent
   * @throws {NodeExistsError} it is there already
   * @throws {ZnodeOwnerError} with `orSetData`: it is there already, and has another owner than the mode gives it
   * @throws {NoNodeError} the parent is missing
   * @throws {ConnectionLossError} the retries are used up, or the outcome is unknown and the create not safe to repeat
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

  /** What to make of a znode that is there already: its stat if it will do, `null` if not. */
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

/** An ephemeral of an earlier session of this `Keeper`, which the server has not ended yet. */
async function deleteGhost({ zookeeper, signal }: Attempt, realPath: string, { version }: Stat): Promise<'gone'> {
  try {
    await zookeeper.delete(realPath, { version, signal });
  } catch (error) {
    // Another znode may have its name by now, which the next look tells.
    if (!(error instanceof NoNodeError || error instanceof BadVersionError)) throw error;
  }
  return 'gone';
}

/** @throws ZnodeOwnerError */
function checkOwner({ zookeeper }: Attempt, { realPath, mode }: CreateRequest, { ephemeralOwner }: Stat): void {
  const expected = ownerFor(mode, zookeeper);
  if (ephemeralOwner !== expected) throw new ZnodeOwnerError(realPath, expected, ephemeralOwner);
}

/** Session that owns what a create of that mode makes; 0n for none. */
function ownerFor(mode: CreateMode, { sessionId }: ZooKeeper): bigint {
  return isEphemeral(mode) ? sessionId : 0n;
}

async function matchingStat({ zookeeper, signal }: Attempt, request: CreateRequest): Promise<Stat | null> {
  const { data, stat } = await zookeeper.getData(request.realPath, { signal });
  const isOwned = stat.ephemeralOwner === ownerFor(request.mode, zookeeper);
  return stat.version === 0 && isOwned && isSameData(data, request.data) ? stat : null;
}
