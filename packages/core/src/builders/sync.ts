import { signalOf } from '../execution/call-check.js';
import type { CallOptions, Execution } from '../execution/execution.js';

/** Brings the session's server up to date with the leader. */
export class SyncBuilder {
  readonly #execution: Execution;

  constructor(execution: Execution) {
    this.#execution = execution;
  }

  /**
   * Resolves when the following reads see every write that was committed before the call.
   *
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, options: CallOptions = {}): Promise<void> {
    const signal = signalOf('sync().forPath', options);
    const { executor, namespace } = this.#execution;
    const realPath = namespace.toReal(path);
    await executor.run((attempt) => attempt.zookeeper.sync(realPath, { signal: attempt.signal }), { signal });
  }
}
