import { type Hold, HoldLostError, NotHeldError } from '@zk-recipes/core';
import { checkEnding, type EndingOptions, follow, LazySignal, unfollow } from '@zk-recipes/core/recipe-kit';
import { ReentrantAcquireError } from './errors.js';
import type { LineHold, LockHold } from './lock-hold.js';

/** Counts who is inside of a lock that is held; it is let go of when all have left. */
export class Entrances {
  #hold: LineHold;
  #marker: string;
  #inside = 0;
  #isChanging = false;

  /** @param marker in which way the lock is held */
  constructor(hold: LineHold, marker: string) {
    this.#hold = hold;
    this.#marker = marker;
  }

  /** The hold that all share. */
  get hold(): LineHold {
    return this.#hold;
  }

  /** In which way the lock is held now. */
  get marker(): string {
    return this.#marker;
  }

  /** Number of those who have entered and not left. */
  get inside(): number {
    return this.#inside;
  }

  /** One more is inside. @throws ReentrantAcquireError while the lock is being turned into another */
  enter(): void {
    this.#refuseWhileChanging();
    this.#inside += 1;
  }

  /** One has left. */
  leave(): void {
    this.#inside -= 1;
  }

  /** Lets go, if all have left. @throws the server's refusal */
  async releaseIfLeft(options: EndingOptions): Promise<void> {
    if (this.#inside === 0) await this.#hold.release(options);
  }

  /** Puts another hold in the place of the present one. Nobody enters meanwhile, who would find himself in either. */
  async change(marker: string, replace: (hold: LineHold) => Promise<LineHold>): Promise<void> {
    this.#refuseWhileChanging();
    this.#isChanging = true;
    try {
      this.#hold = await replace(this.#hold);
      this.#marker = marker;
    } finally {
      this.#isChanging = false;
    }
  }

  #refuseWhileChanging(): void {
    if (this.#isChanging) throw new ReentrantAcquireError(this.#hold.path, 'it is being downgraded');
  }
}

/** One entrance into a lock that is held: ends with the hold, or by its own release, which may leave the lock held by others. */
export class EnteredHold implements LockHold {
  protected readonly entrances: Entrances;
  readonly #hold: LineHold;
  readonly #signal: LazySignal = new LazySignal(() => void this.#hold.state);
  readonly #onEnd = (): void => this.#signal.abort(() => this.#hold.signal.reason);
  /** Whether somebody has asked for the signal, which follows that of the hold since then. */
  #isFollowing = false;
  /** How it ended when it was left. */
  #ended: 'lost' | 'released' | null = null;

  /** Enters. @throws ReentrantAcquireError */
  constructor(entrances: Entrances) {
    entrances.enter();
    this.entrances = entrances;
    this.#hold = entrances.hold;
  }

  get path(): string {
    return this.#hold.path;
  }

  get fencingToken(): bigint {
    return this.#hold.fencingToken;
  }

  get revoked(): AbortSignal {
    return this.#hold.revoked;
  }

  get signal(): AbortSignal {
    const own = this.#signal.signal;
    const { signal } = this.#hold;
    if (!this.#isFollowing && this.#ended === null) {
      this.#isFollowing = true;
      follow(signal, this.#onEnd);
    }
    if (signal.aborted) this.#onEnd();
    return own;
  }

  get state(): 'held' | 'lost' | 'released' {
    return this.#ended ?? this.#hold.state;
  }

  validForMs(): number {
    return this.#ended === null ? this.#hold.validForMs() : 0;
  }

  guard(): ReturnType<Hold['guard']> {
    if (this.#ended !== null) throw new NotHeldError(this.path, { cause: this.signal.reason });
    return this.#hold.guard();
  }

  /** The hold for logs. */
  toJSON(): Record<string, unknown> {
    return { path: this.path, fencingToken: String(this.fencingToken), state: this.state };
  }

  async release(options: EndingOptions = {}): Promise<void> {
    checkEnding(options);
    if (this.#ended === null) {
      this.#ended = this.#hold.state === 'lost' ? 'lost' : 'released';
      if (this.#ended === 'lost') this.#onEnd();
      this.#signal.abort(() => new HoldLostError(this.path, 'released'));
      if (this.#isFollowing) unfollow(this.#hold.signal, this.#onEnd);
      this.entrances.leave();
    }
    await this.entrances.releaseIfLeft(options);
  }

  /** Releases it, and never rejects: of a refusal a `backgroundError` tells. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }
}
