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

/** Largest number of markers that one transaction removes. */
const AT_ONCE = 100;

/**
 * Znodes that tell whether a transaction was executed whose reply was lost. They are removed in groups, in the background. The end of their
 * session removes them in any case.
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

  /** Creates the directory. It is a container, so the server may remove it whenever it is empty. */
  async makeDirectory(signal: AbortSignal | undefined): Promise<void> {
    try {
      const create = this.#keeper.create().creatingParents().withMode('CONTAINER').idempotent();
      await create.forPath(this.#directory, null, { signal });
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  /**
   * Commits a transaction together with a marker, so that it is executed once, also after a lost reply.
   *
   * @param what operation and path, for the error
   * @returns the results of the transaction; after a lost reply they do not contain the numbers of sequential znodes
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the errors of a transaction
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

  /** Schedules the removal of a marker that is no longer needed. */
  #spend(path: string): void {
    this.#spent.push(path);
    this.#removing ??= this.#remove().finally(() => {
      this.#removing = null;
    });
  }

  async #remove(): Promise<void> {
    // All markers of the same turn of the event loop are removed together.
    await new Promise<void>((resolve) => systemClock.afterIo(resolve));
    while (this.#spent.length > 0) await this.#removeSome(this.#spent.splice(0, AT_ONCE));
  }

  async #removeSome(paths: readonly string[]): Promise<void> {
    try {
      const removal = paths.reduce((all, path) => all.delete(path), this.#keeper.transaction());
      await removal.commit();
    } catch {
      // A marker may be gone with its session, or the reply was lost: then each marker is removed separately, until its removal is certain.
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
