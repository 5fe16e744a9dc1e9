import type { Acl, Stat } from 'zookeeper-ts-client';
import { signalOf } from '../execution/call-check.js';
import { type CallOptions, type Execution, withRoot } from '../execution/execution.js';
import { once } from '../execution/executor.js';

/** Access control list of a znode with its stat. */
export interface ZnodeAcl {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}

/** Reads the access control list of a znode. Immutable: each step returns a new builder. */
export class GetAclBuilder<Result> {
  readonly #execution: Execution;
  readonly #present: (content: ZnodeAcl) => Result;

  constructor(execution: Execution, present: (content: ZnodeAcl) => Result) {
    this.#execution = execution;
    this.#present = present;
  }

  /** Resolves with `{ acl, stat }` instead of the list. */
  withStat(): GetAclBuilder<ZnodeAcl> {
    return new GetAclBuilder(this.#execution, (content) => content);
  }

  /**
   * Reads the list.
   *
   * @throws {NoNodeError} when the znode does not exist
   * @throws {ConnectionLossError} when the retries are used up
   */
  async forPath(path: string, options: CallOptions = {}): Promise<Result> {
    const signal = signalOf('getAcl().forPath', options);
    const { executor, namespace } = this.#execution;
    const realPath = namespace.toReal(path);
    const content = await executor.run(
      (attempt) =>
        withRoot(this.#execution, attempt, realPath, () =>
          attempt.zookeeper.getAcl(realPath, { signal: attempt.signal }),
        ),
      { signal },
    );
    return this.#present(content);
  }
}

/** First step of a `setAcl`, which requires a list. Immutable. */
export class SetAclStart {
  readonly #execution: Execution;

  constructor(execution: Execution) {
    this.#execution = execution;
  }

  /**
   * Sets the new list, which replaces the old one.
   *
   * @param acl the complete new list
   */
  withAcl(acl: readonly Acl[]): SetAclBuilder {
    return new SetAclBuilder(this.#execution, acl, -1);
  }
}

/**
 * Sets the access control list of a znode. Immutable: each step returns a new builder.
 *
 * If the reply is lost, the builder does not repeat the request: the promise rejects with a `ConnectionLossError` of outcome `unknown`.
 */
export class SetAclBuilder {
  readonly #execution: Execution;
  readonly #acl: readonly Acl[];
  readonly #version: number;

  constructor(execution: Execution, acl: readonly Acl[], version: number) {
    this.#execution = execution;
    this.#acl = acl;
    this.#version = version;
  }

  /**
   * Sets the expected version of the list.
   *
   * @param version version that the list must have (`aversion` of the stat); -1, the default, matches any
   */
  withVersion(version: number): SetAclBuilder {
    return new SetAclBuilder(this.#execution, this.#acl, version);
  }

  /**
   * Sets the list.
   *
   * @returns the znode's new stat
   * @throws {NoNodeError} when the znode does not exist
   * @throws {InvalidAclError} when the server does not accept the list
   * @throws {BadVersionError} when the list has another version
   * @throws {ConnectionLossError} when the retries are used up, or the outcome is unknown
   */
  async forPath(path: string, options: CallOptions = {}): Promise<Stat> {
    const signal = signalOf('setAcl().forPath', options);
    const { executor, namespace } = this.#execution;
    const realPath = namespace.toReal(path);
    return await executor.run(
      (attempt) =>
        withRoot(this.#execution, attempt, realPath, () =>
          once(attempt.zookeeper.setAcl(realPath, this.#acl, { version: this.#version, signal: attempt.signal })),
        ),
      { signal },
    );
  }
}
