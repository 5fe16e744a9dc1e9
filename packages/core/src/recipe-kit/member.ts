import { SessionExpiredError, type Stat, systemClock } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { checkEnding, type EndingOptions } from '../endings.js';
import { nameOf, parentOf } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';
import { waitForEnding } from './ending.js';

/** A place in a line: an ephemeral znode of this session. */
export interface Member {
  readonly keeper: Keeper;
  /** The directory in which the line stands. */
  readonly directory: string;
  /** Path of the own znode. */
  readonly path: string;
  /** Name of the own znode. */
  readonly name: string;
  /** Transaction that created the own znode: the fencing token of a hold by it. */
  readonly czxid: bigint;
  /** Session that owns the znode, and its ordinal in the life of the `Keeper`. */
  readonly sessionId: bigint;
  readonly epoch: number;
  /** The directory as it was when the znode had been created; `null` when it could not be read in the same round trip, or was forgotten. */
  readonly siblings: readonly string[] | null;
  /** To be called when the siblings are not needed any more: a long line of members that each keep it takes much memory. */
  forgetSiblings(): void;
  /**
   * Leaves the line: deletes the own znode, in the background until it is gone or its session is over. Waits no longer than
   * `timeoutMs`, and not at all without a connection. Once it is gone, further calls do nothing; after a refusal they try again.
   *
   * @throws the server's refusal; the background goes on then
   */
  withdraw(options?: EndingOptions): Promise<void>;
  /** Deletes the own znode like `withdraw`, and waits until it is gone. @throws the server's refusal; the background goes on then */
  remove(): Promise<void>;
}

/**
 * The place in a line that a znode is which was just created.
 *
 * @param created what the server said of it
 * @param siblings the directory after that
 * @throws SessionExpiredError if it is of an earlier session, and about to vanish
 */
export function memberOf(
  keeper: Keeper,
  { path, stat }: { readonly path: string; readonly stat: Stat },
  siblings: readonly string[] | null = null,
): Member {
  if (stat.ephemeralOwner !== keeper.sessionId) {
    throw new SessionExpiredError(`${path} is of a session that has expired`);
  }
  return new Place(keeper, path, stat, siblings?.includes(nameOf(path)) ? siblings : null);
}

class Place implements Member {
  readonly keeper: Keeper;
  readonly path: string;
  readonly czxid: bigint;
  readonly sessionId: bigint;
  readonly epoch: number;
  #siblings: readonly string[] | null;
  #removal: Promise<void> | null = null;
  #isGone = false;

  constructor(keeper: Keeper, path: string, stat: Stat, siblings: readonly string[] | null) {
    this.keeper = keeper;
    this.path = path;
    this.czxid = stat.czxid;
    this.sessionId = stat.ephemeralOwner;
    this.epoch = keeper.sessionEpoch;
    this.#siblings = siblings;
  }

  get directory(): string {
    return parentOf(this.path);
  }

  get name(): string {
    return nameOf(this.path);
  }

  get siblings(): readonly string[] | null {
    return this.#siblings;
  }

  forgetSiblings(): void {
    this.#siblings = null;
  }

  async withdraw(options?: EndingOptions): Promise<void> {
    const timeoutMs = checkEnding(options);
    if (this.#isGone) return;
    await waitForEnding(this.keeper, this.path, this.remove(), timeoutMs);
  }

  remove(): Promise<void> {
    this.#removal ??= this.#remove().then(
      () => {
        this.#isGone = true;
      },
      (error: unknown) => {
        // The next call tries again.
        this.#removal = null;
        if (!this.keeper.closed) throw error;
      },
    );
    return this.#removal;
  }

  async #remove(): Promise<void> {
    const { keeper, path } = this;
    // Of a session that was given up, the next session removes what may be left.
    if (keeper.sessionEpoch !== this.epoch) return;
    await keeper.delete().untilGone(this.sessionId).forPath(path);
  }
}

/** How long somebody who has given up waits for the znode to be gone. */
const GRACE_MS = 250;

/**
 * Withdraws members of one `Keeper` for somebody who has given up, and so does not want to wait for a connection that is not there, or
 * not what it seems: without an answer their znodes go by the hand of the background, or with their session. Never rejects: what goes
 * wrong is a background error.
 */
export async function giveUp(members: readonly Member[]): Promise<void> {
  const [first] = members;
  if (first === undefined) return;
  const { keeper } = first;
  // They go with the session.
  if (keeper.closed) return;
  // Of a refusal the background tells.
  const withdrawn = Promise.allSettled(members.map((member) => member.remove()));
  let stopWaiting = (): void => {};
  const unanswered = new Promise<void>((resolve) => {
    const look = (state: ConnectionState): void => {
      if (state !== 'CONNECTED' && state !== 'RECONNECTED') resolve();
    };
    const cancelTimer = systemClock.schedule(GRACE_MS, resolve);
    stopWaiting = () => {
      cancelTimer();
      keeper.off('state', look);
    };
    keeper.on('state', look);
    look(keeper.connectionState);
  });
  await Promise.race([withdrawn, unanswered]).finally(stopWaiting);
}
