import { SessionExpiredError, type ZnodeData } from 'zookeeper-ts-client';
import { SequenceUsedUpError } from '../errors.js';
import { childOf, nameOf } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';
import { isUsedUp, sequenceKey } from './sequence.js';
import { onSessionLapse } from './session-lapse.js';

/** How to stand in a line. */
export interface EnrolOptions {
  /** Name of the own znode without protection and number, e.g. `lock-`. */
  readonly name: string;
  /** What the own znode holds; the `defaultData` of the `Keeper` where not given. */
  readonly data?: ZnodeData | undefined;
  /** Gives up: rejects with its reason, and the znode, if it was created after all, is removed. */
  readonly signal?: AbortSignal | undefined;
}

/** A place in a line: an ephemeral sequential znode of this session. */
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
  /** The directory as it was when the znode had been created; `null` when it could not be read in the same round trip. */
  readonly siblings: readonly string[] | null;
  /**
   * Leaves the line: deletes the own znode, in the background until it is certain. Resolves when the znode is deleted, is gone
   * already, or will be by the end of the session or the hand of the background. Idempotent; never rejects for lack of a connection.
   */
  withdraw(): Promise<void>;
}

/**
 * Takes a place in a line: creates a protected ephemeral sequential znode, its parents where they are missing, and lists the
 * directory in the same round trip. Leaves no ghost: whatever fails, a znode that was created is removed again.
 *
 * @param directory path of the line
 * @throws SequenceUsedUpError after 2^31 creations in the directory; what a create throws; the signal's reason
 */
export async function enrol(keeper: Keeper, directory: string, { name, data, signal }: EnrolOptions): Promise<Member> {
  const creation = keeper
    .create()
    .creatingParents()
    .withMode('EPHEMERAL_SEQUENTIAL')
    .withProtection()
    .withStat()
    .forPath(childOf(directory, name), data, { signal });
  // Sent in the same write: requests of a session are executed in their order.
  const listing = keeper
    .getChildren()
    .forPath(directory, { signal })
    // Missing parents, a lost connection: the create tells of it, and whoever needs the list asks again.
    .catch(() => null);
  const { path, stat } = await creation;
  const epoch = keeper.sessionEpoch;
  // The znode of an earlier session is about to vanish, if it is not gone already.
  if (stat.ephemeralOwner !== keeper.sessionId)
    throw new SessionExpiredError(`${path} is of a session that has expired`);
  const children = await listing;
  const siblings = children?.includes(nameOf(path)) ? children : null;
  const place = new Place(keeper, directory, path, {
    czxid: stat.czxid,
    sessionId: stat.ephemeralOwner,
    epoch,
    siblings,
  });
  if (isUsedUp(sequenceKey(place.name, name))) {
    await place.withdraw();
    throw new SequenceUsedUpError(directory);
  }
  if (!signal?.aborted) return place;
  // Given up between the two replies.
  place.withdraw().catch((error: unknown) => keeper.reportBackgroundError(error, 'withdrawal', path));
  throw signal.reason;
}

class Place implements Member {
  readonly keeper: Keeper;
  readonly directory: string;
  readonly path: string;
  readonly name: string;
  readonly czxid: bigint;
  readonly sessionId: bigint;
  readonly epoch: number;
  readonly siblings: readonly string[] | null;
  #withdrawal: Promise<void> | null = null;

  constructor(
    keeper: Keeper,
    directory: string,
    path: string,
    created: Pick<Member, 'czxid' | 'sessionId' | 'epoch' | 'siblings'>,
  ) {
    this.keeper = keeper;
    this.directory = directory;
    this.path = path;
    this.name = nameOf(path);
    this.czxid = created.czxid;
    this.sessionId = created.sessionId;
    this.epoch = created.epoch;
    this.siblings = created.siblings;
  }

  withdraw(): Promise<void> {
    this.#withdrawal ??= this.#delete();
    return this.#withdrawal;
  }

  async #delete(): Promise<void> {
    const { keeper, path } = this;
    if (keeper.sessionEpoch !== this.epoch) return;
    let awaited = true;
    const deletion = keeper
      .delete()
      .guaranteed({ owner: this.sessionId })
      .quietly()
      .forPath(path)
      .catch((error: unknown) => {
        if (keeper.closed) return;
        if (awaited) throw error;
        keeper.reportBackgroundError(error, 'withdrawal', path);
      });
    // Waiting longer than the session can live is of no use: the background goes on, and the session's end does the rest.
    let stopWaiting = (): void => {};
    const lapse = new Promise<void>((resolve) => {
      stopWaiting = onSessionLapse(keeper, this.epoch, () => resolve());
    });
    await Promise.race([deletion, lapse]).finally(() => {
      awaited = false;
      stopWaiting();
    });
  }
}
