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

/** Something to be put. */
export interface Parcel {
  /** Name of its znode before the server's number. */
  readonly name: string;
  readonly data: Uint8Array;
}

/** Name of a place in the line of those who wait for room, before the server's number. */
const TURN = 'put-';

/** How often directories that are gone again are made for one put. */
const MAX_TRIES = 10;

/**
 * Puts items, several of them by one transaction, once each.
 *
 * With them a marker is created, whose name nobody else uses: after a lost reply it tells whether it was done. Where there is not room for
 * any number of items, whoever wants to put some stands in a line, and its place is the marker: it is left by the same transaction.
 */
export class Producer {
  readonly #keeper: Keeper;
  readonly #path: string;
  readonly #places: Places;
  readonly #claims: string | null;
  readonly #markers: Markers;

  /** @param claims where consumers claim items; `null` where they do not */
  constructor(keeper: Keeper, path: string, places: Places, claims: string | null) {
    this.#keeper = keeper;
    this.#path = path;
    this.#places = places;
    this.#claims = claims;
    this.#markers = new Markers(keeper, places.markers);
  }

  /**
   * Puts items, whatever else there is.
   *
   * @throws SequenceUsedUpError if the server has no numbers left for them: none of them is put
   */
  async put(parcels: readonly Parcel[], signal: AbortSignal | undefined): Promise<void> {
    const putting = this.commitOnce(this.#creating(parcels, this.#keeper.transaction()), signal);
    await this.#checkNumbers(parcels, await putting.catch((error: unknown) => this.#refuse(error)));
  }

  /** Puts an item in the place of znodes elsewhere. @throws as `put` */
  async move(parcel: Parcel, from: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const moving = from.reduce((all, path) => all.delete(path), this.#keeper.transaction());
    await this.commitOnce(this.#creating([parcel], moving), signal).catch((error: unknown) => this.#refuse(error));
  }

  /** Commits a transaction once, whatever reply is lost. */
  async commitOnce(transaction: Transaction, signal: AbortSignal | undefined): Promise<readonly MultiResult[]> {
    const what = { operation: 'put', path: this.#path };
    return await this.#withDirectories(signal, () => this.#markers.commit(transaction, what, signal));
  }

  /** Puts items when there is room for all of them, after those who came before. */
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
        // The place is this session's, and nobody else leaves it: if it is gone the items are there.
        if (isUnknown(error) && (await this.#hasLeft(member, signal))) return;
        if (!isUnknown(error) || !isPassing(error))
          throw error instanceof SessionExpiredError ? this.#unknown(error) : error;
      }
    }
  }

  async #hasLeft(member: Member, signal: AbortSignal | undefined): Promise<boolean> {
    const [, stat] = await Promise.all([
      // It may have been sent to another server than the one that answers now.
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

  /** An item whose number is taken got it since there are none left: of equal names the second is refused. */
  #refusal(error: unknown): unknown {
    const cause = error instanceof MultiError ? error.cause : error;
    return cause instanceof NodeExistsError ? new SequenceUsedUpError(this.#path, { cause: error }) : error;
  }

  /**
   * The server numbers items beyond 2^31-1 as well, for a moment: by negative numbers, which would go first. Such items are removed again with all
   * that were put with them, unless a consumer has claimed one.
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
      // A consumer has an item: they are put.
      if (error instanceof MultiError && (error.cause instanceof NodeExistsError || error.cause instanceof NoNodeError))
        return;
      throw new ConnectionLossError('put', this.#path, 'unknown', error);
    }
    throw new SequenceUsedUpError(this.#path);
  }

  /** Waits until there are no more than so many items. Told of each change, it asks for their number, not for their names. */
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

  /** Does something that needs the directories, which are made when they turn out not to be there. */
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

  /** Makes the queue and its directories. The queue is persistent, as Curator makes it: numbers would begin anew in one that is reaped. */
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
