import { randomUUID } from 'node:crypto';
import { type Keeper, NodeExistsError } from '@zk-recipes/core';
import { acrossSessions } from '@zk-recipes/core/recipe-kit';

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
  readonly #keeper: Keeper;
  readonly #path: string;
  #creation: Creation | null = null;

  /** @param pathOf where a coordinator's ephemeral is */
  constructor(keeper: Keeper, pathOf: (uuid: string) => string) {
    this.#keeper = keeper;
    this.#path = pathOf(this.uuid);
  }

  /** Resolves when the ephemeral is there. */
  established(): Promise<void> {
    const epoch = this.#keeper.sessionEpoch;
    if (this.#creation?.epoch === epoch) return this.#creation.done;
    if (this.#creation === null) this.#keeper.on('state', this.#onState);
    const done = acrossSessions(this.#keeper, undefined, () => this.#create());
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
    await this.established();
    const { mtime } = await this.#keeper.setData().idempotent().forPath(this.#path, null, { signal });
    return Number(mtime);
  }

  /** Takes the ephemeral away. Idempotent. */
  async end(): Promise<void> {
    this.#keeper.off('state', this.#onState);
    const creation = this.#creation;
    if (creation === null || this.#keeper.closed) return;
    await creation.done.catch(() => {});
    await this.#keeper.delete().guaranteed().quietly().forPath(this.#path);
  }

  readonly #onState = (): void => {
    if (this.#keeper.closed || this.#creation?.epoch === this.#keeper.sessionEpoch) return;
    this.established().catch((error: unknown) => {
      if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, 'presence of a Coordinator', this.#path);
    });
  };

  async #create(): Promise<void> {
    const creation = this.#keeper.create().creatingParents().withMode('EPHEMERAL').idempotent();
    for (;;) {
      try {
        await creation.forPath(this.#path, null);
        return;
      } catch (error) {
        if (!(error instanceof NodeExistsError)) throw error;
        // Of an own session that is over, or will be: nobody else knows the name.
        const stat = await this.#keeper.exists().forPath(this.#path);
        if (stat?.ephemeralOwner === this.#keeper.sessionId) return;
        await this.#keeper.delete().quietly().forPath(this.#path);
      }
    }
  }
}
