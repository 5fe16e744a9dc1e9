import { SessionExpiredError, type Stat, systemClock } from 'zookeeper-ts-client';
import type { ConnectionState } from '../connection-state.js';
import { nameOf, parentOf } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';
import { onSessionLapse } from './session-lapse.js';

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
   * Leaves the line: deletes the own znode, in the background until it is certain. Resolves when the znode is deleted, is gone
   * already, or will be by the end of the session or the hand of the background. Idempotent; never rejects for lack of a connection.
   */
  withdraw(): Promise<void>;
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
  #withdrawal: Promise<void> | null = null;

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

  withdraw(): Promise<void> {
    this.#withdrawal ??= this.#delete();
    return this.#withdrawal;
  }

  async #delete(): Promise<void> {
    const { keeper, path } = this;
    if (keeper.sessionEpoch !== this.epoch) return;
    const deletion = keeper.delete().guaranteed({ owner: this.sessionId }).quietly().forPath(path);
    await new Promise<void>((resolve, reject) => {
      let isAwaited = true;
      // Waiting longer than the session can live is of no use: the background goes on, and the session's end does the rest.
      const stopWaiting = onSessionLapse(keeper, this.epoch, () => {
        isAwaited = false;
        resolve();
      });
      deletion.then(
        () => {
          stopWaiting();
          resolve();
        },
        (error: unknown) => {
          stopWaiting();
          if (keeper.closed) resolve();
          else if (isAwaited) reject(error);
          else keeper.reportBackgroundError(error, 'withdrawal', path);
        },
      );
    });
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
  const { keeper, path } = first;
  const withdrawn = Promise.all(members.map((member) => member.withdraw())).catch((error: unknown) =>
    keeper.reportBackgroundError(error, 'withdrawal', path),
  );
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
