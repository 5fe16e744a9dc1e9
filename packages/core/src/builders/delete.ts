import { NoNodeError, NotEmptyError, type RequestSignal, type ZooKeeper } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { type Attempt, once } from '../execution/executor.js';
import { deleteIfThere, ignoreNoNode } from '../execution/guaranteed-delete.js';
import { childOf } from '../execution/namespace.js';
import { isPassing, isUnknown } from '../passing-failure.js';

/** Settings of a delete. */
export interface DeleteDescription {
  readonly version: number;
  readonly deletingChildren: boolean;
  readonly guaranteed: boolean;
  /** Session that owns the znode, if the znode is an ephemeral and the delete is guaranteed. */
  readonly owner: bigint | undefined;
  readonly quietly: boolean;
  /** Whether the background continues even if the server refuses the delete. */
  readonly untilGone: boolean;
}

/** Settings of a delete without any steps. */
export const PLAIN_DELETE: DeleteDescription = {
  version: -1,
  deletingChildren: false,
  guaranteed: false,
  owner: undefined,
  quietly: false,
  untilGone: false,
};

/**
 * Deletes a znode. Immutable: each step returns a new builder.
 *
 * A plain delete with a lost reply is not repeated: the promise rejects with a `ConnectionLossError` of outcome `unknown`.
 * `guaranteed()`, `quietly()` and `idempotent()` make a delete safe to repeat: a repetition that finds no znode succeeds.
 */
export class DeleteBuilder {
  readonly #execution: Execution;
  readonly #description: DeleteDescription;

  constructor(execution: Execution, description: DeleteDescription) {
    this.#execution = execution;
    this.#description = description;
  }

  /**
   * Continues in the background when the retries or the time limit are used up, or when the caller's signal aborts. The background ends
   * when the znode is gone or the `Keeper` is closed.
   *
   * The promise resolves when the znode is deleted or the background has taken over. It rejects when the signal aborts, or for an error
   * that no repetition can remove. An error in the background becomes a `backgroundError` event.
   *
   * The background may delete a later znode with the same name. Use this step only for names that are never used again.
   *
   * @param options.owner session that owns the znode, an ephemeral: the delete ends when that session ends
   */
  guaranteed(options: { owner?: bigint } = {}): DeleteBuilder {
    return this.#with({ guaranteed: true, owner: options.owner });
  }

  /**
   * Deletes an ephemeral of this process until the znode is gone or its session is over. It continues even if the server refuses the
   * delete, because the server may permit it later.
   *
   * The promise resolves when the znode is gone. It rejects with the first refusal, which is also a `backgroundError` with the operation
   * `left behind`. The other steps of the builder have no effect together with this one.
   *
   * @param owner session that owns the znode
   */
  untilGone(owner: bigint): DeleteBuilder {
    return this.#with({ guaranteed: true, owner, untilGone: true });
  }

  /** Deletes all descendants of the znode first. This is not a transaction: a failure can leave some of them. */
  deletingChildren(): DeleteBuilder {
    return this.#with({ deletingChildren: true });
  }

  /**
   * Sets the expected version.
   *
   * @param version version that the znode must have; -1, the default, matches any
   */
  withVersion(version: number): DeleteBuilder {
    return this.#with({ version });
  }

  /** Also succeeds if the znode does not exist. */
  quietly(): DeleteBuilder {
    return this.#with({ quietly: true });
  }

  /** Does the same as `quietly()`, under Curator's other name. */
  idempotent(): DeleteBuilder {
    return this.quietly();
  }

  /**
   * Deletes the znode.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {BadVersionError} when the znode has another version
   * @throws {NotEmptyError} when the znode has children
   * @throws {ConnectionLossError} when the retries are used up, or the outcome is unknown and the delete is not safe to repeat
   */
  async forPath(path: string, options: CallOptions = {}): Promise<void> {
    const signal = signalOf('delete().forPath', options);
    const { executor, namespace, deletes, ephemerals } = this.#execution;
    const { untilGone, owner } = this.#description;
    if (untilGone && owner !== undefined) {
      const realPath = namespace.toReal(path);
      await deletes.deleteUntilGone(realPath, owner, () => ephemerals.remove(owner, realPath));
      return;
    }
    const deletion = new Deletion(this.#execution, this.#description, namespace.toReal(path));
    try {
      await executor.run((attempt) => deletion.attempt(attempt), { signal });
    } catch (error) {
      const mayGoOn = signal?.aborted ? deletion.isBegun : isPassing(error);
      const goesOn = this.#description.guaranteed && mayGoOn;
      if (goesOn) {
        const goOn = (attempt: Attempt): Promise<void> => deletion.attempt(attempt).catch(ignoreNoNode);
        deletes.goOn(deletion.realPath, this.#description.owner, goOn);
      }
      if (!goesOn || signal?.aborted) throw error;
    }
  }

  #with(change: Partial<DeleteDescription>): DeleteBuilder {
    return new DeleteBuilder(this.#execution, { ...this.#description, ...change });
  }
}

/** Delete of one znode, over all of its attempts. */
class Deletion {
  readonly realPath: string;
  readonly #execution: Execution;
  readonly #description: DeleteDescription;
  #isBegun = false;
  #mayBeDone = false;

  constructor(execution: Execution, description: DeleteDescription, realPath: string) {
    this.#execution = execution;
    this.#description = description;
    this.realPath = realPath;
  }

  get isBegun(): boolean {
    return this.#isBegun;
  }

  async attempt({ zookeeper, signal }: Attempt): Promise<void> {
    const { version, deletingChildren, guaranteed, quietly, owner } = this.#description;
    const { sessions, ephemerals } = this.#execution;
    if (owner !== undefined && !sessions.mayLive(owner)) return;
    const guard = guaranteed || quietly ? (request: Promise<void>) => request : once<void>;
    this.#isBegun = true;
    for (;;) {
      try {
        await guard(zookeeper.delete(this.realPath, { version, signal }));
        ephemerals.remove(owner ?? zookeeper.sessionId, this.realPath);
        return;
      } catch (error) {
        if (isUnknown(error)) this.#mayBeDone = true;
        if (error instanceof NoNodeError) ephemerals.remove(owner ?? zookeeper.sessionId, this.realPath);
        if (error instanceof NoNodeError && (quietly || this.#mayBeDone)) return;
        if (!(error instanceof NotEmptyError) || !deletingChildren) throw error;
        await deleteDescendants(zookeeper, this.realPath, signal);
      }
    }
  }
}

/** Deletes the descendants of a znode. Lists them level by level, then deletes them concurrently, the deepest first. Safe to repeat. */
async function deleteDescendants(zookeeper: ZooKeeper, path: string, signal: RequestSignal | undefined): Promise<void> {
  const descendants: string[] = [];
  for (let level = [path]; level.length > 0; ) {
    const families = await Promise.all(level.map((parent) => childPaths(zookeeper, parent, signal)));
    level = families.flat();
    descendants.push(...level);
  }
  await Promise.all(
    descendants.reverse().map(async (descendant) => {
      try {
        await deleteIfThere(zookeeper.delete(descendant, { signal }));
      } catch (error) {
        // Another process has created a znode below it. The delete of the top znode then also fails, and the caller lists all descendants
        // again.
        if (!(error instanceof NotEmptyError)) throw error;
      }
    }),
  );
}

async function childPaths(zookeeper: ZooKeeper, parent: string, signal: RequestSignal | undefined): Promise<string[]> {
  try {
    const { children } = await zookeeper.getChildren(parent, { signal });
    return children.map((name) => childOf(parent, name));
  } catch (error) {
    if (error instanceof NoNodeError) return [];
    throw error;
  }
}
