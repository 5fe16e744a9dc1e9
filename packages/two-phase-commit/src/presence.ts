import { randomUUID } from 'node:crypto';
import { ClosedError, type Keeper, NodeExistsError } from '@zk-recipes/core';
import { acrossSessions } from '@zk-recipes/core/recipe-kit';
import { orAborted } from './or-aborted.js';

/** The ephemeral of one session. */
interface Creation {
  /** Ordinal of the session; -1 once it was found to be missing. */
  readonly epoch: number;
  readonly done: Promise<void>;
}

/** An ephemeral by which others see that a coordinator lives: made when it is needed, and again in each new session. */
export class Presence {
  /** Name of the coordinator. */
  readonly uuid: string = randomUUID();
  /** Its znode. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #ended = new AbortController();
  #creation: Creation | null = null;
  #removal: Promise<void> | null = null;

  /** @param pathOf where a coordinator's ephemeral is */
  constructor(keeper: Keeper, pathOf: (uuid: string) => string) {
    this.#keeper = keeper;
    this.path = pathOf(this.uuid);
  }

  /** Aborts with a `ClosedError` when there will be no ephemeral any more: after `end`, or when the `Keeper` is closed. */
  get over(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Resolves when the ephemeral is there.
   *
   * @throws ClosedError after `end`; what the create throws; the signal's reason
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

  /** To be called when it was found to be missing: it is made again when it is needed. */
  forget(creation: Creation | null = this.#creation): void {
    if (creation !== null && this.#creation === creation) this.#creation = { epoch: -1, done: creation.done };
  }

  /** What the server's clock says, in milliseconds since 1970. */
  async serverTimeMs(signal: AbortSignal | undefined): Promise<number> {
    await this.established(signal);
    const { mtime } = await this.#keeper.setData().idempotent().forPath(this.path, null, { signal });
    return Number(mtime);
  }

  /**
   * Takes the ephemeral away, and makes no other: in the background until it is gone or its session is over. Once it is gone, further
   * calls do nothing; after a refusal they try again.
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
    // A create that was given up arrives before the delete or never: a session's requests are executed in their order or not at all.
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
        // Of an own session that is over, or will be: nobody else knows the name.
        const stat = await this.#keeper.exists().forPath(this.path, { signal });
        if (stat?.ephemeralOwner === this.#keeper.sessionId) return;
        await this.#keeper.delete().quietly().forPath(this.path, { signal });
      }
    }
  }
}
