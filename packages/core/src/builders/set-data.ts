import { asData, BadVersionError, type Stat, type ZnodeData } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import { type CallOptions, type Execution, withRoot } from '../execution/execution.js';
import { type Attempt, once } from '../execution/executor.js';
import { isSameData } from './same-data.js';

/** What a `setData` is to do. */
export interface SetDataDescription {
  readonly version: number;
  readonly idempotent: boolean;
}

/** How a `setData` begins. */
export const PLAIN_SET_DATA: SetDataDescription = { version: -1, idempotent: false };

/**
 * Sets the data of a znode. Immutable: each step returns a new builder.
 *
 * A plain `setData` whose reply was lost is not sent again, since it might undo what somebody else has written since: it rejects
 * with a `ConnectionLossError` of outcome `unknown`. `idempotent()` makes it safe to repeat.
 */
export class SetDataBuilder {
  readonly #execution: Execution;
  readonly #description: SetDataDescription;

  constructor(execution: Execution, description: SetDataDescription) {
    this.#execution = execution;
    this.#description = description;
  }

  /** @param version that the znode must have; -1, the default, matches any */
  withVersion(version: number): SetDataBuilder {
    return new SetDataBuilder(this.#execution, { ...this.#description, version });
  }

  /**
   * May be done more than once. With a version it is success, too, if the znode has the next version and holds this very data already,
   * whoever wrote it; without a version the data is simply written again.
   */
  idempotent(): SetDataBuilder {
    return new SetDataBuilder(this.#execution, { ...this.#description, idempotent: true });
  }

  /**
   * Sets the data.
   *
   * @param data `null` is not the same as empty
   * @returns the znode's new stat
   * @throws {TypeError} the data is none; nothing is sent
   * @throws {NoNodeError} the znode does not exist
   * @throws {BadVersionError} it has another version
   * @throws {ConnectionLossError} the retries are used up, or the outcome is unknown and the write not safe to repeat
   */
  async forPath(path: string, data: ZnodeData, options: CallOptions = {}): Promise<Stat> {
    const signal = signalOf('setData().forPath', options);
    const { executor, namespace } = this.#execution;
    const realPath = namespace.toReal(path);
    const bytes = asData(data, '`data` of setData().forPath');
    return await executor.run(
      (attempt) => withRoot(this.#execution, attempt, realPath, () => this.#attempt(attempt, realPath, bytes)),
      { signal },
    );
  }

  async #attempt({ zookeeper, signal }: Attempt, realPath: string, data: Uint8Array | null): Promise<Stat> {
    const { version, idempotent } = this.#description;
    const set = zookeeper.setData(realPath, data, { version, signal });
    if (!idempotent) return await once(set);
    try {
      return await set;
    } catch (error) {
      if (!(error instanceof BadVersionError)) throw error;
      const found = await zookeeper.getData(realPath, { signal });
      // Versions are 32-bit numbers that wrap.
      if (found.stat.version !== ((version + 1) | 0) || !isSameData(found.data, data)) throw error;
      return found.stat;
    }
  }
}
