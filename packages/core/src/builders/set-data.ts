import { asData, BadVersionError, type Stat, type ZnodeData } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import { type CallOptions, type Execution, withRoot } from '../execution/execution.js';
import { type Attempt, once } from '../execution/executor.js';
import { isSameData } from './same-data.js';

/** Settings of a `setData`. */
export interface SetDataDescription {
  readonly version: number;
  readonly idempotent: boolean;
}

/** Settings of a `setData` without any steps. */
export const PLAIN_SET_DATA: SetDataDescription = { version: -1, idempotent: false };

/**
 * Sets the data of a znode. Immutable: each step returns a new builder.
 *
 * A plain `setData` with a lost reply is not repeated, because the repetition might overwrite a later write of another client. The
 * promise rejects with a `ConnectionLossError` of outcome `unknown`. `idempotent()` makes a `setData` safe to repeat.
 */
export class SetDataBuilder {
  readonly #execution: Execution;
  readonly #description: SetDataDescription;

  constructor(execution: Execution, description: SetDataDescription) {
    this.#execution = execution;
    this.#description = description;
  }

  /**
   * Sets the expected version.
   *
   * @param version version that the znode must have; -1, the default, matches any
   */
  withVersion(version: number): SetDataBuilder {
    return new SetDataBuilder(this.#execution, { ...this.#description, version });
  }

  /**
   * Allows the builder to repeat the write. Without a version the repetition writes the data again. With a version the write also
   * succeeds if the znode has the next version and already contains this data, regardless of the writer.
   */
  idempotent(): SetDataBuilder {
    return new SetDataBuilder(this.#execution, { ...this.#description, idempotent: true });
  }

  /**
   * Sets the data.
   *
   * @param data new data; `null` is not the same as empty
   * @returns the znode's new stat
   * @throws {TypeError} when `data` is not data; nothing is sent
   * @throws {NoNodeError} when the znode does not exist
   * @throws {BadVersionError} when the znode has another version
   * @throws {ConnectionLossError} when the retries are used up, or the outcome is unknown and the write is not safe to repeat
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
