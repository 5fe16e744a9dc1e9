import { randomUUID } from 'node:crypto';
import { ClosedError, type Keeper, NodeExistsError } from '@zk-recipes/core';
import { acrossSessions } from '@zk-recipes/core/recipe-kit';
import { orAborted } from './or-aborted.js';

/** Ephemeral of one session. */
interface Creation {
  /** Ordinal of the session; -1 once the ephemeral was found to be missing. */
  readonly epoch: number;
  readonly done: Promise<void>;
}

/** Ephemeral that shows that a coordinator lives. It is created when it is needed, and again in each new session. */
export class Presence {
  /** Uuid of the coordinator. */
  readonly uuid: string = randomUUID();
  /** Path of the ephemeral. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #ended = new AbortController();
  #creation: Creation | null = null;
  #removal: Promise<void> | null = null;

  /** @param pathOf returns the path of a coordinator's ephemeral */
  constructor(keeper: Keeper, pathOf: (uuid: string) => string) {
    this.#keeper = keeper;
    this.path = pathOf(this.uuid);
  }

  /** Signal that aborts with a `ClosedError` when no ephemeral will be created any more: after `end`, or when the `Keeper` is closed. */
  get over(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Resolves when the ephemeral exists.
   *
   * @throws ClosedError after `end`; the error of the create; the signal's reason
   */
  async established(signal?: AbortSignal): Promise<void> {
    this.#ended.signal.throwIfAborted();
    await orAborted(this.#creationOfNow(), signal);
  }

  #creationOfNow(): Promise<void> {
    const epoch = this.#keeper.sessionEpoch;
    if (this.#creation?.epoch === epoch) return this.#creation.done;
    if (this.#creation === null) this.#keeper.on('state', this.#onState);
    const done = acrossSessions(this.#keeper, this.#ended.signal, () => this.#create());
    const creation = { epoch, done };
    this.#creation = creation;
    done.catch(() => this.forget(creation));
    return done;
  }

  /** Records that the ephemeral was found to be missing: it is created again when it is needed. */
  forget(creation: Creation | null = this.#creation): void {
    if (creation !== null && this.#creation === creation) this.#creation = { epoch: -1, done: creation.done };
  }

  /** Returns the time of the server's clock, in milliseconds since 1970. */
  async serverTimeMs(signal: AbortSignal | undefined): Promise<number> {
    await this.established(signal);
    const { mtime } = await this.#keeper.setData().idempotent().forPath(this.path, null, { signal });
    return Number(mtime);
  }

  /**
   * Removes the ephemeral and creates no other, in the background until it is gone or its session is over. Once the ephemeral is gone,
   * further calls do nothing; after a refusal they try again.
   *
   * @throws the server's refusal; the background goes on then
   */
  end(): Promise<void> {
    this.#keeper.off('state', this.#onState);
    this.#ended.abort(new ClosedError(`the coordinator of ${this.path} is closed`));
    this.#removal ??= this.#remove().catch((error: unknown) => {
      this.#removal = null;
      if (!this.#keeper.closed) throw error;
    });
    return this.#removal;
  }

  async #remove(): Promise<void> {
    if (this.#creation === null || this.#keeper.closed) return;
    await this.#creation.done.catch(() => {});
    // A create that was given up arrives before the delete or never: the server executes a session's requests in order or not at all.
    await this.#keeper.delete().untilGone(this.#keeper.sessionId).forPath(this.path);
  }

  readonly #onState = (): void => {
    if (this.#keeper.closed) this.#ended.abort(new ClosedError('keeper is closed'));
    if (this.#keeper.closed || this.#creation?.epoch === this.#keeper.sessionEpoch) return;
    this.established().catch((error: unknown) => {
      if (this.#keeper.closed || this.#ended.signal.aborted) return;
      this.#keeper.reportBackgroundError(error, 'presence of a Coordinator', this.path);
    });
  };

  async #create(): Promise<void> {
    const { signal } = this.#ended;
    const creation = this.#keeper.create().creatingParents().withMode('EPHEMERAL').idempotent();
    for (;;) {
      try {
        await creation.forPath(this.path, null, { signal });
        return;
      } catch (error) {
        if (!(error instanceof NodeExistsError)) throw error;
        // An own earlier session, which is over or will be, has created it: no other process knows the name.
        const stat = await this.#keeper.exists().forPath(this.path, { signal });
        if (stat?.ephemeralOwner === this.#keeper.sessionId) return;
        await this.#keeper.delete().quietly().forPath(this.path, { signal });
      }
    }
  }
}
