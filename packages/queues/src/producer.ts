import {
  ConnectionLossError,
  type Keeper,
  KeeperError,
  MultiError,
  type MultiResult,
  NodeExistsError,
  NoNodeError,
  SequenceUsedUpError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';
import {
  childOf,
  enrol,
  follow,
  isPassing,
  isUnknown,
  type Member,
  nameOf,
  Patience,
  standInLine,
  unfollow,
  untilFirst,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import { Bell } from './bell.js';
import { Markers } from './markers.js';
import type { Places } from './places.js';

/** New item to put. */
export interface Parcel {
  /** Name of the item's znode without the server's number. */
  readonly name: string;
  readonly data: Uint8Array;
}

/** Name of a place in the line of producers, without the server's number. */
const TURN = 'put-';

/** Number of times that one put creates missing directories again. */
const MAX_TRIES = 10;

/**
 * Puts items, several items in one transaction, exactly once.
 *
 * Each transaction also creates a marker with a unique name. After a lost reply the marker tells whether the transaction was executed. With
 * a limit of items, producers stand in a line, and the place in the line is the marker: the same transaction deletes the place.
 */
export class Producer {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #places: Places;
  readonly #claims: string | null;
  readonly #markers: Markers;

  /** @param claims directory of the consumers' claims; `null` if consumers claim no items */
  constructor(keeper: Keeper, path: string, places: Places, claims: string | null) {
    this.#keeper = keeper;
    this.#path = path;
    this.#places = places;
    this.#claims = claims;
    this.#markers = new Markers(keeper, places.markers);
  }

  /**
   * Puts items without a limit.
   *
   * @throws SequenceUsedUpError if the server has no numbers left for the items: none of them is put
   */
  async put(parcels: readonly Parcel[], signal: AbortSignal | undefined): Promise<void> {
    const putting = this.commitOnce(this.#creating(parcels, this.#keeper.transaction()), signal);
    await this.#checkNumbers(parcels, await putting.catch((error: unknown) => this.#refuse(error)));
  }

  /** Puts an item and deletes other znodes in one transaction. @throws as `put` */
  async move(parcel: Parcel, from: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const moving = from.reduce((all, path) => all.delete(path), this.#keeper.transaction());
    await this.commitOnce(this.#creating([parcel], moving), signal).catch((error: unknown) => this.#refuse(error));
  }

  /** Commits a transaction once, also after a lost reply. */
  async commitOnce(transaction: Transaction, signal: AbortSignal | undefined): Promise<readonly MultiResult[]> {
    const what = { operation: 'put', path: this.#path };
    return await this.#withDirectories(signal, () => this.#markers.commit(transaction, what, signal));
  }

  /** Puts items when the queue has capacity for all of them, after the items of earlier producers. */
  async putWithin(maxItems: number, parcels: readonly Parcel[], signal: AbortSignal | undefined): Promise<void> {
    await this.#withDirectories(signal, async () => {
      const patience = new Patience(this.#keeper, signal);
      const join = (): Promise<Member> => enrol(this.#keeper, this.#places.producers, { name: TURN, signal });
      try {
        await standInLine(this.#keeper, patience, join, async (member) => {
          await untilFirst(member, TURN, { signal });
          await this.#untilRoom(maxItems - parcels.length, member, signal);
          await this.#putInTurn(member, parcels, signal);
        });
      } finally {
        patience.end();
      }
    });
  }

  async #putInTurn(member: Member, parcels: readonly Parcel[], signal: AbortSignal | undefined): Promise<void> {
    const transaction = this.#creating(parcels, this.#keeper.transaction().delete(member.path));
    for (;;) {
      try {
        const [, ...created] = await transaction.commit({ signal });
        await this.#checkNumbers(parcels, created);
        return;
      } catch (error) {
        if (error instanceof SequenceUsedUpError) throw error;
        if (error instanceof MultiError) throw error.failedIndex === 0 ? error.cause : this.#refusal(error);
        // The place belongs to this session, and only this transaction deletes it: if the place is gone, the items exist.
        if (isUnknown(error) && (await this.#hasLeft(member, signal))) return;
        if (!isUnknown(error) || !isPassing(error))
          throw error instanceof SessionExpiredError ? this.#unknown(error) : error;
      }
    }
  }

  async #hasLeft(member: Member, signal: AbortSignal | undefined): Promise<boolean> {
    const [, stat] = await Promise.all([
      // The server that answers now may be behind the server that received the transaction.
      this.#keeper.sync().forPath(member.path, { signal }),
      this.#keeper.exists().forPath(member.path, { signal }),
    ]);
    if (this.#keeper.sessionEpoch !== member.epoch) throw this.#unknown(new SessionExpiredError());
    return stat === null;
  }

  #unknown(cause: unknown): ConnectionLossError {
    return new ConnectionLossError('put', this.#path, 'unknown', cause);
  }

  #creating(parcels: readonly Parcel[], transaction: Transaction): Transaction {
    return parcels.reduce(
      (all, { name, data }) => all.create(childOf(this.#path, name), data, { mode: 'PERSISTENT_SEQUENTIAL' }),
      transaction,
    );
  }

  #refuse(error: unknown): never {
    throw this.#refusal(error);
  }

  /** A name that exists already means that no numbers are left: of two items with equal names the server refuses the second. */
  #refusal(error: unknown): unknown {
    const cause = error instanceof MultiError ? error.cause : error;
    return cause instanceof NodeExistsError ? new SequenceUsedUpError(this.#path, { cause: error }) : error;
  }

  /**
   * Removes items with negative numbers. For a short time the server numbers items beyond 2^31-1 by negative numbers, which would go first.
   * All items of the same put are removed, unless a consumer has claimed one of them.
   */
  async #checkNumbers(parcels: readonly Parcel[], results: readonly MultiResult[]): Promise<void> {
    const paths = parcels.flatMap((_, index) => {
      const result = results[index];
      return result?.type === 'create' ? [result.path] : [];
    });
    const isNegative = (path: string, index: number): boolean => {
      const { name } = parcels[index] as Parcel;
      return path.slice(childOf(this.#path, name).length).startsWith('-');
    };
    if (!paths.some(isNegative)) return;
    const removal = paths.reduce((all, path) => {
      if (this.#claims === null) return all.delete(path);
      const claim = childOf(this.#claims, nameOf(path));
      return all.create(claim, undefined, { mode: 'EPHEMERAL' }).delete(path).delete(claim);
    }, this.#keeper.transaction().creatingParents());
    try {
      await removal.commit();
    } catch (error) {
      // A consumer has claimed an item: then the put has succeeded.
      if (error instanceof MultiError && (error.cause instanceof NodeExistsError || error.cause instanceof NoNodeError))
        return;
      throw new ConnectionLossError('put', this.#path, 'unknown', error);
    }
    throw new SequenceUsedUpError(this.#path);
  }

  /** Waits until the queue has at most the given number of items. After each change, asks for the number of items, not for their names. */
  async #untilRoom(most: number, { epoch }: Member, signal: AbortSignal | undefined): Promise<void> {
    if ((await this.#count(signal)) <= most) return;
    await withinSession(this.#keeper, epoch, signal, async (within) => {
      const bell = new Bell();
      const ring = (): void => bell.ring();
      const watch = await this.#keeper.watch().forPath(this.#path, ring, { signal: within });
      this.#keeper.on('state', ring);
      follow(within, ring);
      try {
        while ((await this.#count(within)) > most) await bell.wait();
      } finally {
        this.#keeper.off('state', ring);
        unfollow(within, ring);
        watch.remove().catch((error: unknown) => {
          this.#keeper.reportBackgroundError(error, 'removal of a watch', this.#path);
        });
      }
    });
  }

  async #count(signal: AbortSignal | undefined): Promise<number> {
    const stat = await this.#keeper.exists().forPath(this.#path, { signal });
    return stat?.numChildren ?? 0;
  }

  /** Runs work that needs the directories, and creates them if they are missing. */
  async #withDirectories<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    for (let triesLeft = MAX_TRIES; ; triesLeft--) {
      try {
        return await work();
      } catch (error) {
        const cause = error instanceof MultiError ? error.cause : error;
        const isDirectory = cause instanceof NoNodeError && cause.operation === 'create';
        if (!isDirectory || triesLeft === 0) throw cause instanceof KeeperError ? cause : error;
        await this.makeDirectories(signal);
      }
    }
  }

  /**
   * Creates the queue and its directories. The queue is persistent, as in Curator: numbers would start again after a container was removed.
   */
  async makeDirectories(signal: AbortSignal | undefined): Promise<void> {
    const making = this.#keeper.create().creatingParents().idempotent().forPath(this.#path, { signal });
    const made = making.then(
      () => {},
      (error: unknown) => {
        if (!(error instanceof NodeExistsError)) throw error;
      },
    );
    await Promise.all([made, this.#markers.makeDirectory(signal)]);
  }
}
