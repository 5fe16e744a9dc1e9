import { SessionExpiredError, type Stat, systemClock } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { checkEnding, type EndingOptions } from '../endings.js';
import { nameOf, parentOf } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';
import { waitForEnding } from './ending.js';

/** Place in a line: an ephemeral znode of this session. */
export interface Member {
  readonly keeper: Keeper;
  /** Directory of the line. */
  readonly directory: string;
  /** Path of the own znode. */
  readonly path: string;
  /** Name of the own znode. */
  readonly name: string;
  /** Transaction that created the own znode: the fencing token of a hold of this place. */
  readonly czxid: bigint;
  /** Session that owns the znode, and its ordinal among the sessions of the `Keeper`. */
  readonly sessionId: bigint;
  readonly epoch: number;
  /**
   * Names in the directory right after the creation of the znode; `null` if they could not be read in the same round trip, or were
   * dropped.
   */
  readonly siblings: readonly string[] | null;
  /** Drops the siblings when they are no longer needed: a long line whose members each keep its names takes much memory. */
  forgetSiblings(): void;
  /**
   * Leaves the line: deletes the own znode, in the background until it is gone or its session is over. Waits no longer than `timeoutMs`,
   * and not at all without a connection. After the znode is gone, further calls do nothing; after a refusal they try again.
   *
   * @throws the server's refusal; the background then continues
   */
  withdraw(options?: EndingOptions): Promise<void>;
  /**
   * Deletes the own znode like `withdraw`, and waits until it is gone.
   *
   * @throws the server's refusal; the background then continues
   */
  remove(): Promise<void>;
}

/**
 * Returns the place of a znode that was just created.
 *
 * @param created reply of the server to the create
 * @param siblings names in the directory after the create
 * @throws {SessionExpiredError} when the znode belongs to an earlier session, and is about to disappear
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
    // If the session was given up, the next session removes its remaining znodes.
    if (keeper.sessionEpoch !== this.epoch) return;
    await keeper.delete().untilGone(this.sessionId).forPath(path);
  }
}

/** Longest wait of a caller that gives up for the deletion of the znode, in milliseconds. */
const GRACE_MS = 250;

/**
 * Withdraws places of one `Keeper` for a caller that gives up. The caller does not wait for a missing or silent connection: without an
 * answer the background deletes the znodes, or they end with their session. Never rejects: failures become background errors.
 */
export async function giveUp(members: readonly Member[]): Promise<void> {
  const [first] = members;
  if (first === undefined) return;
  const { keeper } = first;
  // The znodes end with the session.
  if (keeper.closed) return;
  // The background reports a refusal.
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
