import { BadVersionError, KeeperError, NoNodeError } from 'zookeeper-ts-client';
import type { Diagnostics } from '../diagnostics.js';
import type { Attempt, Executor } from './executor.js';
import { childOf, nameOf } from './namespace.js';
import { findProtected, parseProtectedName } from './protection.js';
import { retryByPolicy } from './retry-loop.js';
import { PERSEVERANCE } from './retry-policy.js';
import { sleep } from './sleep.js';

/** Source of information about this process's sessions: a session that is no longer alive on the servers has no ephemerals. */
export interface LivingSessions {
  mayLive(sessionId: bigint): boolean;
  epochMayLive(epoch: number): boolean;
}

/** Operation of the `backgroundError` that reports a znode which an ending could not remove. */
export const LEFT_BEHIND = 'left behind';

/** Delete in progress. */
interface PendingDelete {
  readonly path: string;
  readonly done: Promise<void>;
  /** Settles when the delete is done, or refused for the first time: an ending does not wait for a refused delete. */
  readonly answered: Promise<void>;
  /** Returns whether the end of a session removes the znode as well. */
  readonly endsWith: (session: EndedSession) => boolean;
}

/** Session that the server has ended. */
export interface EndedSession {
  readonly id: bigint;
  readonly epoch: number;
}

/** Deletes that the background repeats until they are done, or the `Keeper` is closed. */
export class GuaranteedDeletes {
  readonly #executor: Executor;
  readonly #sessions: LivingSessions;
  readonly #diagnostics: Diagnostics;
  readonly #giveUp = new AbortController();
  readonly #pending = new Set<PendingDelete>();
  /** Newest call for each path of an own ephemeral. Of several calls after refusals, only the newest continues in the background. */
  readonly #newestCalls = new Map<string, object>();

  constructor(executor: Executor, sessions: LivingSessions, diagnostics: Diagnostics) {
    this.#executor = executor;
    this.#sessions = sessions;
    this.#diagnostics = diagnostics;
  }

  /** Deletes a znode; a missing znode counts as success. */
  delete(realPath: string): void {
    this.goOn(realPath, undefined, ({ zookeeper, signal }) => deleteIfThere(zookeeper.delete(realPath, { signal })));
  }

  /**
   * Continues a delete that was begun elsewhere.
   *
   * @param owner session that owns the znode, if it is an ephemeral: after the end of that session there is nothing left to delete
   */
  goOn(realPath: string, owner: bigint | undefined, perform: (attempt: Attempt) => Promise<void>): void {
    const isOver = owner === undefined ? null : () => !this.#sessions.mayLive(owner);
    this.#begin('guaranteed delete', realPath, isOver, ({ id }) => id === owner, perform);
  }

  /**
   * Deletes an ephemeral of a session that was given up and may be alive on the servers.
   *
   * A name with a uuid is deleted at once. Any other name may belong to another session by now, so its owner is checked first. If the
   * znode changes its owner between the check and the delete, and its version is the same, the znode of the new owner is deleted.
   *
   * @param owner session that was given up
   */
  deleteGivenUp(realPath: string, owner: bigint): void {
    const isOver = (): boolean => !this.#sessions.mayLive(owner);
    const isUnique = parseProtectedName(nameOf(realPath)) !== null;
    const operation = 'removal of an ephemeral of a session that was given up';
    const endsWith = ({ id }: EndedSession): boolean => id === owner;
    this.#begin(operation, realPath, isOver, endsWith, async (attempt) => {
      const { zookeeper, signal } = attempt;
      if (isUnique) return await deleteIfThere(zookeeper.delete(realPath, { signal }));
      const stat = await zookeeper.exists(realPath, { signal });
      if (stat?.ephemeralOwner !== owner) return;
      await zookeeper.delete(realPath, { version: stat.version, signal }).catch((error: unknown) => {
        // Another session has created the name again: the znode to delete is gone.
        if (!(error instanceof BadVersionError)) ignoreNoNode(error);
      });
    });
  }

  /**
   * Deletes the znode that a protected create may have left behind. Looks for the znode by its uuid, after a `sync`. A znode that is not
   * found then will never appear, because the requests of a session are executed in order or not at all.
   *
   * @param epoch ordinal of the session that created the znode, if it is an ephemeral: after the end of that session there is nothing
   *   left to delete
   */
  deleteProtected(realParent: string, uuid: string, epoch: number | undefined): void {
    const isOver = epoch === undefined ? null : () => !this.#sessions.epochMayLive(epoch);
    const endsWith = (session: EndedSession): boolean => session.epoch === epoch;
    this.#begin('removal of an abandoned znode', realParent, isOver, endsWith, async (attempt) => {
      const path = await lookUpProtected(attempt, realParent, uuid);
      if (path !== null) await deleteIfThere(attempt.zookeeper.delete(path, { signal: attempt.signal }));
    });
  }

  /**
   * Deletes an ephemeral of the current session until it is gone or its session is over. Continues even if the server refuses the delete,
   * because the server may permit it later. The first refusal is a `backgroundError` with the operation `left behind`.
   *
   * @param owner session that owns the znode
   * @param onGone called when the znode is gone or its session is over
   * @returns promise that resolves when the znode is gone, and rejects with the first refusal; the background then continues
   */
  deleteUntilGone(realPath: string, owner: bigint, onGone: () => void): Promise<void> {
    const { signal } = this.#giveUp;
    const isOver = (): boolean => !this.#sessions.mayLive(owner);
    const perform = async ({ zookeeper, signal }: Attempt): Promise<void> => {
      if (!isOver()) await deleteIfThere(zookeeper.delete(realPath, { signal }));
      onGone();
    };
    const attempt = (): Promise<void> =>
      this.#executor.run(perform, { retry: PERSEVERANCE, signal, whileClosing: true });
    const call = {};
    this.#newestCalls.set(realPath, call);
    const isNewest = (): boolean => this.#newestCalls.get(realPath) === call;
    const first = attempt();
    const untilGone = first.catch(async (refusal: unknown) => {
      if (signal.aborted) return;
      this.#diagnostics.report(refusal, LEFT_BEHIND, realPath);
      const again = async (number: number): Promise<void> => {
        if (number === 1) throw refusal;
        if (isNewest()) await attempt();
      };
      // The server may withdraw a refusal. Any other error comes from the end of the `Keeper`.
      const shouldRetry = (error: Error): boolean => error instanceof KeeperError;
      await retryByPolicy(again, PERSEVERANCE, { signal, shouldRetry }).catch(() => {});
    });
    const done = untilGone.then(() => {
      if (isNewest()) this.#newestCalls.delete(realPath);
    });
    this.#add({ path: realPath, done, answered: first.catch(() => {}), endsWith: ({ id }) => id === owner });
    return first;
  }

  #add(pending: PendingDelete): void {
    this.#pending.add(pending);
    const remove = (): void => void this.#pending.delete(pending);
    pending.done.then(remove, remove);
  }

  /** Number of deletes in progress. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Waits until all deletes are done or refused, and gives up the remaining ones.
   *
   * @param timeoutMs 0 or more
   * @returns function that reports the deletes left behind. Call it with the session that has ended, or `null` if the server has not
   *   confirmed the end
   */
  async finish(timeoutMs: number): Promise<(ended: EndedSession | null) => void> {
    if (this.#pending.size > 0 && timeoutMs > 0) {
      const timer = new AbortController();
      const timeout = sleep(timeoutMs, timer.signal).catch(() => {});
      await Promise.race([Promise.all([...this.#pending].map(({ answered }) => answered)), timeout]);
      timer.abort();
    }
    const reason = new Error('the keeper was closed before it was done');
    const left = [...this.#pending];
    this.#giveUp.abort(reason);
    await Promise.all(left.map(({ done }) => done));
    return (ended) => {
      for (const { path, endsWith } of left) {
        if (ended === null || !endsWith(ended)) this.#diagnostics.report(reason, LEFT_BEHIND, path);
      }
    };
  }

  #begin(
    operation: string,
    path: string,
    isOver: (() => boolean) | null,
    endsWith: PendingDelete['endsWith'],
    perform: (attempt: Attempt) => Promise<void>,
  ): void {
    const { signal } = this.#giveUp;
    const performUnlessOver = async (attempt: Attempt): Promise<void> => {
      if (!isOver?.()) await perform(attempt);
    };
    const done = this.#executor
      .run(performUnlessOver, { retry: PERSEVERANCE, signal, whileClosing: true })
      .catch((error: unknown) => {
        // `finish` reports the deletes that were given up.
        if (!signal.aborted) this.#diagnostics.report(error, operation, path);
      });
    this.#add({ path, done, answered: done, endsWith });
  }
}

/** Waits until a delete succeeds or finds that the znode does not exist. */
export function deleteIfThere(request: Promise<void>): Promise<void> {
  return request.catch(ignoreNoNode);
}

/** Rethrows every error except a `NoNodeError`. */
export function ignoreNoNode(error: unknown): void {
  if (!(error instanceof NoNodeError)) throw error;
}

/**
 * Looks for the znode of a protected create, by its uuid. Returns its path, or `null` if it certainly does not exist. The `sync` is for
 * ensembles: the create may have been sent to another server than the one that answers now.
 */
export async function lookUpProtected(attempt: Attempt, realParent: string, uuid: string): Promise<string | null> {
  const { zookeeper, signal } = attempt;
  try {
    const [, { children }] = await Promise.all([
      zookeeper.sync(realParent, { signal }),
      zookeeper.getChildren(realParent, { signal }),
    ]);
    const name = findProtected(children, uuid);
    return name === null ? null : childOf(realParent, name);
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}
