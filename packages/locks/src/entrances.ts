import { type Hold, HoldLostError, NotHeldError } from '@zk-recipes/core';
import { checkEnding, type EndingOptions, follow, LazySignal, unfollow } from '@zk-recipes/core/recipe-kit';
import { ReentrantAcquireError } from './errors.js';
import type { LineHold, LockHold } from './lock-hold.js';

/** Counts the holds that share one held lock, and releases the lock when all of them have been released. */
export class Entrances {
  #hold: LineHold;
  #marker: string;
  #inside = 0;
  #isChanging = false;

  /** @param marker marker of the mode in which the lock is held */
  constructor(hold: LineHold, marker: string) {
    this.#hold = hold;
    this.#marker = marker;
  }

  /** Hold of the lock, which all entered holds share. */
  get hold(): LineHold {
    return this.#hold;
  }

  /** Marker of the mode in which the lock is held now. */
  get marker(): string {
    return this.#marker;
  }

  /** Number of holds that have entered and not left. */
  get inside(): number {
    return this.#inside;
  }

  /**
   * Counts one more hold.
   *
   * @throws {ReentrantAcquireError} while the lock is being downgraded
   */
  enter(): void {
    this.#refuseWhileChanging();
    this.#inside += 1;
  }

  /** Counts one hold less. */
  leave(): void {
    this.#inside -= 1;
  }

  /**
   * Releases the lock if no hold is left inside.
   *
   * @throws the server's refusal
   */
  async releaseIfLeft(options: EndingOptions): Promise<void> {
    if (this.#inside === 0) await this.#hold.release(options);
  }

  /** Replaces the shared hold by another one. Refuses to enter meanwhile, because a new hold could refer to either of the two. */
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

/**
 * Hold of one entry into a held lock. It ends with the shared hold, or by its own release, which leaves the lock held if other entries
 * remain.
 */
export class EnteredHold implements LockHold {
  protected readonly entrances: Entrances;
  readonly #hold: LineHold;
  readonly #signal: LazySignal = new LazySignal(() => void this.#hold.state);
  readonly #onEnd = (): void => this.#signal.abort(() => this.#hold.signal.reason);
  /** Whether the signal was requested; since then it follows the signal of the shared hold. */
  #isFollowing = false;
  /** State at the release; `null` before it. */
  #ended: 'lost' | 'released' | null = null;

  /**
   * Enters the lock.
   *
   * @throws {ReentrantAcquireError} while the lock is being downgraded
   */
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

  /** Returns the hold as an object for logs. */
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

  /** Releases the hold and never rejects; a refusal becomes a `backgroundError` event. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }
}
