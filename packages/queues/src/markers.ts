import {
  ConnectionLossError,
  type Keeper,
  type MultiResult,
  NodeExistsError,
  NoNodeError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';
import { childOf, systemClock } from '@zk-recipes/core/recipe-kit';

/** How many markers are removed by one transaction at most. */
const AT_ONCE = 100;

/**
 * The znodes by which it is told whether a transaction was executed whose reply was lost. They are removed some at a time, when nobody
 * waits for it; with their session they go in any case.
 */
export class Markers {
  readonly #keeper: Keeper;
  readonly #directory: string;
  #spent: string[] = [];
  #removing: Promise<void> | null = null;

  constructor(keeper: Keeper, directory: string) {
    this.#keeper = keeper;
    this.#directory = directory;
  }

  /** Makes the directory. It is a container, and may be gone whenever it is empty. */
  async makeDirectory(signal: AbortSignal | undefined): Promise<void> {
    try {
      const create = this.#keeper.create().creatingParents().withMode('CONTAINER').idempotent();
      await create.forPath(this.#directory, null, { signal });
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  /**
   * Commits a transaction with a marker in it, so that it is done once, whatever reply is lost.
   *
   * @param what it does, and where, for the error
   * @returns the results of the transaction; after a lost reply they do not tell the numbers of sequential znodes
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; what a transaction throws
   */
  async commit(
    transaction: Transaction,
    what: { readonly operation: string; readonly path: string },
    signal: AbortSignal | undefined,
  ): Promise<readonly MultiResult[]> {
    const marker = childOf(this.#directory, what.operation);
    try {
      const results = await transaction
        .create(marker, null, { mode: 'EPHEMERAL', protection: true })
        .commit({ signal });
      const last = results.at(-1);
      if (last?.type === 'create') this.#spend(last.path);
      return results;
    } catch (error) {
      throw error instanceof SessionExpiredError
        ? new ConnectionLossError(what.operation, what.path, 'unknown', error)
        : error;
    }
  }

  /** A marker has served. */
  #spend(path: string): void {
    this.#spent.push(path);
    this.#removing ??= this.#remove().finally(() => {
      this.#removing = null;
    });
  }

  async #remove(): Promise<void> {
    // Those of the same turn of the event loop go together.
    await new Promise<void>((resolve) => systemClock.afterIo(resolve));
    while (this.#spent.length > 0) await this.#removeSome(this.#spent.splice(0, AT_ONCE));
  }

  async #removeSome(paths: readonly string[]): Promise<void> {
    try {
      const removal = paths.reduce((all, path) => all.delete(path), this.#keeper.transaction());
      await removal.commit();
    } catch {
      // One may be gone with its session, or the reply was lost: each by itself then, until it is certain.
      await Promise.all(paths.map((path) => this.#removeForCertain(path)));
    }
  }

  async #removeForCertain(path: string): Promise<void> {
    try {
      await this.#keeper.delete().guaranteed().quietly().forPath(path);
    } catch (error) {
      if (!(error instanceof NoNodeError || this.#keeper.closed)) {
        this.#keeper.reportBackgroundError(error, 'removal of a marker', path);
      }
    }
  }
}
