import {
  type CreateMode,
  ErrorCode,
  KeeperError,
  MultiError,
  type MultiOp,
  type MultiResult,
  NoNodeError,
  SessionExpiredError,
  type Stat,
} from 'zookeeper-ts-client';
import { Doubt, isEphemeral, isSequential } from './creation.js';
import type { Execution } from './execution.js';
import { type Attempt, once } from './executor.js';
import { lookUpProtected } from './guaranteed-delete.js';
import { parentOf } from './namespace.js';
import { protectPath } from './protection.js';

/** Operation of a transaction, with real paths. */
export interface TransactionStep {
  readonly operation: MultiOp;
  /** Whether the operation is a create whose znode can be found again by its name. */
  readonly protection: boolean;
}

/** Limit of how often the parents are created for one transaction: a transaction may delete them itself, and never succeed. */
const MAX_PARENTS = 10;

/**
 * One transaction, over all of its attempts.
 *
 * A transaction without a protected create is sent only once, because its outcome cannot be found out after a lost reply. The names of
 * protected creates contain uuids, and the server executes all of a transaction or nothing. Therefore, while an earlier attempt may have
 * been executed, each attempt first looks for the uuids.
 */
export class TransactionRun {
  readonly #execution: Execution;
  readonly #operations: readonly MultiOp[];
  readonly #protectedCreates: readonly ProtectedCreate[];
  readonly #creatingParents: boolean;
  readonly #doubt = new Doubt();

  /** @param newUuid source of uuids that never repeat */
  constructor(
    execution: Execution,
    steps: readonly TransactionStep[],
    creatingParents: boolean,
    newUuid: () => string,
  ) {
    this.#execution = execution;
    this.#creatingParents = creatingParents;
    const protectedCreates: ProtectedCreate[] = [];
    this.#operations = steps.map(({ operation, protection }, index) => {
      if (operation.type !== 'create' || !protection) return operation;
      const uuid = newUuid();
      const mode = operation.options.mode ?? 'PERSISTENT';
      protectedCreates.push({ index, uuid, parent: parentOf(operation.path), mode });
      return { ...operation, path: protectPath(operation.path, uuid) };
    });
    this.#protectedCreates = protectedCreates;
  }

  async attempt(attempt: Attempt): Promise<MultiResult[]> {
    if (this.#protectedCreates.length === 0) return await this.#commit(attempt, once);
    if (this.#doubt.exists) {
      const found = await this.#lookUp(attempt);
      if (found !== null) {
        this.#noteAfter(attempt.zookeeper.sessionId, found);
        return found;
      }
    }
    const results = await this.#doubt.about(attempt, () => this.#commit(attempt, (committed) => committed));
    return await this.#withStats(attempt, results);
  }

  /** Removes the protected znodes that an attempt may have created, after the transaction has failed for its caller. */
  abandon(): void {
    if (!this.#doubt.exists) return;
    for (const { parent, uuid, mode } of this.#protectedCreates) {
      this.#execution.deletes.deleteProtected(parent, uuid, isEphemeral(mode) ? this.#doubt.epoch : undefined);
    }
  }

  async #commit(
    { zookeeper, signal }: Attempt,
    guard: (committed: Promise<MultiResult[]>) => Promise<MultiResult[]>,
  ): Promise<MultiResult[]> {
    const { sessionId } = zookeeper;
    for (let parentsLeft = MAX_PARENTS; ; parentsLeft--) {
      const noted = this.#noteBefore(sessionId);
      try {
        const results = await guard(zookeeper.multi(this.#operations, { signal }));
        this.#noteAfter(sessionId, results);
        return results;
      } catch (error) {
        if (error instanceof KeeperError) for (const path of noted) this.#execution.ephemerals.remove(sessionId, path);
        const orphans = parentsLeft === 0 ? [] : this.#orphans(error);
        if (orphans.length === 0) throw error;
        await Promise.all(orphans.map((path) => this.#execution.parents.ensure(zookeeper, path, signal)));
      }
    }
  }

  /**
   * Notes the ephemerals with given names before they are created, because the reply may be lost.
   *
   * @returns paths that were not noted before
   */
  #noteBefore(sessionId: bigint): readonly string[] {
    return this.#operations.flatMap((operation) => {
      if (operation.type !== 'create') return [];
      const { mode = 'PERSISTENT' } = operation.options;
      const isNew =
        isEphemeral(mode) && !isSequential(mode) && this.#execution.ephemerals.add(sessionId, operation.path);
      return isNew ? [operation.path] : [];
    });
  }

  /** Notes the ephemerals that a transaction has created or deleted. */
  #noteAfter(sessionId: bigint, results: readonly MultiResult[]): void {
    for (const [index, operation] of this.#operations.entries()) {
      const result = results[index];
      if (operation.type === 'delete') this.#execution.ephemerals.remove(sessionId, operation.path);
      else if (
        result?.type === 'create' &&
        operation.type === 'create' &&
        isEphemeral(operation.options.mode ?? 'PERSISTENT')
      ) {
        this.#execution.ephemerals.add(sessionId, result.path);
      }
    }
  }

  /**
   * Returns the paths of creates whose parents must be created, if one of the creates failed because its parent is missing. Other creates
   * may lack theirs, too.
   */
  #orphans(error: unknown): string[] {
    if (!(error instanceof MultiError) || !(error.cause instanceof NoNodeError)) return [];
    const { root } = this.#execution.namespace;
    const mayMakeParents = (operation: MultiOp | undefined): boolean =>
      operation?.type === 'create' && (this.#creatingParents || (root !== '' && parentOf(operation.path) === root));
    if (!mayMakeParents(this.#operations[error.failedIndex])) return [];
    const paths = this.#operations.filter(mayMakeParents).map(({ path }) => path);
    // One path for each parent, except parents that the transaction itself creates.
    const made = new Set(this.#operations.flatMap(({ type, path }) => (type === 'create' ? [path] : [])));
    return [...new Map(paths.map((path) => [parentOf(path), path])).entries()].flatMap(([parent, path]) =>
      made.has(parent) ? [] : [path],
    );
  }

  /** Returns the results if an earlier attempt was executed; `null` otherwise. */
  async #lookUp(attempt: Attempt): Promise<MultiResult[] | null> {
    const { zookeeper, signal } = attempt;
    // An ephemeral that was meant for one session must not be found, or created, in another.
    const ofSession = this.#protectedCreates.some(({ mode }) => isEphemeral(mode));
    if (ofSession && attempt.epoch !== this.#doubt.epoch) return await once(Promise.reject(new SessionExpiredError()));
    const paths = new Map<number, string>();
    const lookUps = this.#protectedCreates.map(async ({ index, parent, uuid }) => {
      const path = await lookUpProtected(attempt, parent, uuid);
      if (path !== null) paths.set(index, path);
    });
    await Promise.all(lookUps);
    if (paths.size === 0) return null;
    const results = this.#operations.map(async (operation, index): Promise<MultiResult> => {
      if (operation.type === 'delete' || operation.type === 'check') return { type: operation.type };
      const path = paths.get(index) ?? operation.path;
      if (operation.type === 'create' && !this.#protectedCreates.some((one) => one.index === index)) {
        // The znode may have been deleted since, even by the transaction itself. The number of a sequential znode cannot be found out.
        return { type: 'create', path, stat: await zookeeper.exists(path, { signal }) };
      }
      const stat = await existing(zookeeper.exists(path, { signal }), operation.type, path);
      return operation.type === 'create' ? { type: 'create', path, stat } : { type: 'setData', stat };
    });
    return await Promise.all(results);
  }

  /** Adds the stats of protected creates if the server does not send them (before 3.7.2, and 3.8.0 and 3.8.1). */
  async #withStats({ zookeeper, signal }: Attempt, results: MultiResult[]): Promise<MultiResult[]> {
    const isProtected = new Set(this.#protectedCreates.map(({ index }) => index));
    const completed = results.map(async (result, index): Promise<MultiResult> => {
      if (result.type !== 'create' || result.stat !== null || !isProtected.has(index)) return result;
      return { ...result, stat: await existing(zookeeper.exists(result.path, { signal }), 'create', result.path) };
    });
    return await Promise.all(completed);
  }
}

interface ProtectedCreate {
  /** Index of the operation in the transaction. */
  readonly index: number;
  readonly uuid: string;
  readonly parent: string;
  readonly mode: CreateMode;
}

async function existing(stat: Promise<Stat | null>, operation: string, path: string): Promise<Stat> {
  const found = await stat;
  // Another client has removed the znode in the short time since.
  if (found === null) throw new NoNodeError(ErrorCode.NONODE, operation, path);
  return found;
}
