import { NoNodeError, NotEmptyError, type RequestSignal, type ZooKeeper } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import type { CallOptions, Execution } from '../execution/execution.js';
import { type Attempt, once } from '../execution/executor.js';
import { deleteIfThere, ignoreNoNode } from '../execution/guaranteed-delete.js';
import { childOf } from '../execution/namespace.js';
import { isPassing, isUnknown } from '../passing-failure.js';

/** What a delete is to do. */
export interface DeleteDescription {
  readonly version: number;
  readonly deletingChildren: boolean;
  readonly guaranteed: boolean;
  /** Session that owns the znode, where it is an ephemeral and the delete a guaranteed one. */
  readonly owner: bigint | undefined;
  readonly quietly: boolean;
  /** Whether the background goes on also if the server refuses it. */
  readonly untilGone: boolean;
}

/** How a delete begins. */
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
 * A plain delete whose reply was lost is not sent again: it rejects with a `ConnectionLossError` of outcome `unknown`.
 * `guaranteed()`, `quietly()` and `idempotent()` make it safe to repeat: that the znode is gone then, is success.
 */
export class DeleteBuilder {
  readonly #execution: Execution;
  readonly #description: DeleteDescription;

  constructor(execution: Execution, description: DeleteDescription) {
    this.#execution = execution;
    this.#description = description;
  }

  /**
   * Goes on in the background when the retries or the time limit are used up, or the caller gives up: until the znode is gone, or the `Keeper` is
   * closed. The promise resolves when the znode is deleted or the background has taken over, so it rejects only for what
   * no repetition can mend. An error of the background is a `backgroundError`.
   *
   * It may meet a later znode of the same name, so it is for names that are never used again.
   *
   * @param options.owner session that owns the znode, an ephemeral: with that session the delete is over
   */
  guaranteed(options: { owner?: bigint } = {}): DeleteBuilder {
    return this.#with({ guaranteed: true, owner: options.owner });
  }

  /**
   * Deletes an ephemeral of this process until it is gone or its session is over, also if the server refuses it: what is refused
   * now may be permitted later. The promise resolves when the znode is gone, and rejects with the first refusal, which is a
   * `backgroundError` with the operation `left behind` as well. The other steps of the builder have no effect beside this one.
   *
   * @param owner session that owns the znode
   */
  untilGone(owner: bigint): DeleteBuilder {
    return this.#with({ guaranteed: true, owner, untilGone: true });
  }

  /** Deletes what is below it first. That is no transaction: what fails in between leaves a part. */
  deletingChildren(): DeleteBuilder {
    return this.#with({ deletingChildren: true });
  }

  /** @param version that the znode must have; -1, the default, matches any */
  withVersion(version: number): DeleteBuilder {
    return this.#with({ version });
  }

  /** Success, too, if the znode does not exist. */
  quietly(): DeleteBuilder {
    return this.#with({ quietly: true });
  }

  /** The same as `quietly()`, by Curator's other name. */
  idempotent(): DeleteBuilder {
    return this.quietly();
  }

  /**
   * Deletes the znode.
   *
   * @throws {NoNodeError} it does not exist
   * @throws {BadVersionError} it has another version
   * @throws {NotEmptyError} it has children
   * @throws {ConnectionLossError} the retries are used up, or the outcome is unknown and the delete not safe to repeat
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

/** The delete of one znode, over all of its attempts. */
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

/** Deletes what is below a znode: listed level by level, deleted in one go, the deepest first. Safe to repeat. */
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
        // Something was created below it meanwhile. The znode at the top will say so too, and all is listed again.
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
