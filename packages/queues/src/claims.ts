import { randomUUID } from 'node:crypto';
import { FrameTooLargeError, type Keeper, KeeperError, SessionExpiredError, type Transaction } from '@zk-recipes/core';
import { isPassing, isUnknown, type Moment, orNull } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord, NO_ATTEMPTS } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';
import {
  type ClaimAttempt,
  type ClaimTransaction,
  claimingToo,
  leaving,
  type Refused,
  RefusedItem,
} from './claim-attempt.js';
import { ClaimCommit, type Committed, isCommitted } from './claim-commit.js';
import { Deferrals } from './deferrals.js';

/*
 * Protocol of a claim: no two consumers work on an item and no item is lost, also when replies are lost.
 *
 * A claim is one transaction. It checks that the item exists, creates the claim, counts one more attempt in the record, and deletes the ticket of the
 * consumer. Claim and record both bear the claim's uuid. Only the owner of the claim writes the record, so the uuid in the record tells whether the
 * transaction was executed. An item is settled by the version of its record, so no consumer settles an item that another consumer has claimed since.
 */

/** Item that this process may work on. */
export interface Claim {
  readonly item: Item;
  /** Ordinal of the session that owns the claim; the claim ends with that session. */
  readonly epoch: number;
  /** Zxid of the transaction that created the claim: grows from claim to claim of an item. */
  readonly czxid: bigint;
  /** Record as the claim has written it. */
  readonly record: AttemptRecord;
  /** Version of the record. */
  readonly version: number;
  /** Data of the item's znode. */
  readonly data: Buffer;
  /** Whether the item has used all its attempts. The item is then claimed only to become a dead letter, which is not an attempt. */
  readonly isExhausted: boolean;
}

/** Outcome of an attempt to claim an item. */
export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'deferred'; readonly until: Moment }
  /** Item that was claimed before and that no caller has asked for. */
  | { readonly kind: 'repeated' }
  /** Item that was not claimed because another item of the same transaction was not available. */
  | { readonly kind: 'missed' }
  /** Item that another consumer has, item that is gone, or claim whose ticket no longer exists. */
  | { readonly kind: 'taken' | 'gone' | 'unseated' };

/** Outcome of a transaction that also claims an item. */
export interface JointOutcome {
  /** Whether the whole transaction was executed. */
  readonly kind: 'done' | 'not done' | 'unknown';
  /** Returns the outcome of the claim. If the transaction was not executed, the item is claimed in a separate transaction. */
  outcome(): Promise<ClaimOutcome>;
}

/** State of an item that was claimed before. */
interface Known {
  readonly record: AttemptRecord;
  readonly recordVersion: number;
  readonly itemVersion: number;
  readonly data: Buffer;
}

/** Failure to read an item that was claimed. */
export class UnreadItem extends Error {
  override readonly name = 'UnreadItem';
  readonly claim: Claim;

  constructor(claim: Claim, cause: unknown) {
    super(`cannot read ${itemPath(claim.item)}`, { cause });
    this.claim = claim;
  }
}

/** Claims items. */
export class Claims {
  readonly #keeper: Keeper;
  readonly #maxAttempts: number;
  readonly #isOver: () => boolean;
  readonly #commit: ClaimCommit;
  readonly #deferrals = new Deferrals();

  /**
   * @param maxAttempts largest number of times that an item may be handed out
   * @param isOver whether no more items are wanted: then claims under way continue, and no claim is tried again
   */
  constructor(keeper: Keeper, maxAttempts: number, isOver: () => boolean) {
    this.#keeper = keeper;
    this.#maxAttempts = maxAttempts;
    this.#isOver = isOver;
    this.#commit = new ClaimCommit(keeper);
  }

  /**
   * Claims an item. If the item was never claimed before, its data comes in the same round trip.
   *
   * @param seat path of the own ticket, which the claim deletes; `null` for none
   * @param isAsked whether a caller has asked for the item: otherwise an item that was claimed before is not claimed
   * @throws UnreadItem; RefusedItem; the errors of a transaction; SessionExpiredError: then the item is not claimed
   */
  async claim(item: Item, seat: string | null, isAsked: boolean): Promise<ClaimOutcome> {
    for (;;) {
      const [first] = this.#claimFirst([item], seat);
      const outcome = await (first as Promise<ClaimOutcome>);
      if (outcome.kind !== 'repeated' || !isAsked || this.#isOver()) return outcome;
      const again = await this.#claimAgain(item, seat);
      if (again !== null) return again;
    }
  }

  /**
   * Claims items that were never claimed before in one transaction: all of them or none.
   *
   * @param seat path of the own ticket, which the transaction deletes; `null` for none
   * @returns for each item the outcome, as `claim` does. On failure only the first promise rejects; the others resolve to `missed`
   */
  claimAll(items: readonly Item[], seat: string | null): Promise<ClaimOutcome>[] {
    return this.#claimFirst(items, seat);
  }

  /**
   * Extends a transaction so that it also claims an item that was never claimed before, and commits it.
   *
   * @param sizeBefore number of operations of the transaction so far
   * @param isAsked whether a caller has asked for the item: otherwise an item that was claimed before is not claimed
   */
  async claimAfter(before: Transaction, sizeBefore: number, item: Item, isAsked: boolean): Promise<JointOutcome> {
    const claiming = claimingToo(item, { transaction: before, attempts: [] }, sizeBefore);
    const attempt = claiming.attempts[0] as ClaimAttempt;
    let isInDoubt = true;
    try {
      const committing = this.#commit.once(claiming);
      const reading = this.#read(item);
      const czxid = await committing;
      if (czxid !== null) {
        const outcome = this.#claimed(attempt, czxid, reading);
        return { kind: 'done', outcome: () => outcome };
      }
    } catch (error) {
      isInDoubt = isUnknown(error) || error instanceof SessionExpiredError;
    }
    const outcome = async (): Promise<ClaimOutcome> => {
      const czxid = isInDoubt ? await this.#commit.find(attempt) : null;
      if (czxid === null) return await this.claim(item, null, isAsked);
      return await this.#claimed(attempt, czxid, this.#read(item));
    };
    return { kind: isInDoubt ? 'unknown' : 'not done', outcome };
  }

  /** Takes back the attempt of a claim whose session has expired, as long as no other consumer has claimed the item. */
  async uncount({ item, record, version, isExhausted }: Claim): Promise<void> {
    if (!isExhausted) await this.#commit.uncount(item, { ...record, attempts: record.attempts - 1 }, version);
  }

  /**
   * @returns for each item its outcome, `repeated` if there is a record. On failure only the first promise rejects; the others resolve to
   *   `missed`
   */
  #claimFirst(items: readonly Item[], seat: string | null): Promise<ClaimOutcome>[] {
    const begun: ClaimTransaction = { transaction: this.#keeper.transaction().creatingParents(), attempts: [] };
    const claiming = items.reduce((all, item) => claimingToo(item, all), begun);
    const committing = this.#commit.untilKnown({ ...claiming, transaction: leaving(claiming.transaction, seat) });
    const readings = items.map((item) => this.#read(item));
    return claiming.attempts.map(async (attempt, index): Promise<ClaimOutcome> => {
      let committed: Committed | Refused;
      try {
        committed = await committing;
      } catch (error) {
        if (index === 0) throw error;
        return { kind: 'missed' };
      }
      if (isCommitted(committed)) {
        const czxid = committed[index] ?? null;
        const reading = readings[index] as Promise<Buffer | null>;
        return czxid === null ? { kind: 'missed' } : await this.#claimed(attempt, czxid, reading);
      }
      const { refused, why } = committed;
      if (index !== refused) return { kind: 'missed' };
      return { kind: why === 'contradicted' ? 'repeated' : why };
    });
  }

  /** Reads an item while it is being claimed; `null` if it is gone. An item that was never claimed has not changed since. */
  #read(item: Item): Promise<Buffer | null> {
    const reading = orNull(this.#keeper.getData().forPath(itemPath(item)));
    // Callers that need the result receive the error.
    reading.catch(() => {});
    return reading;
  }

  async #claimed(
    { item, record }: ClaimAttempt,
    czxid: bigint,
    reading: Promise<Buffer | null>,
  ): Promise<ClaimOutcome> {
    const epoch = this.#keeper.sessionEpoch;
    const claim = { item, epoch, czxid, record, version: 1, data: Buffer.alloc(0), isExhausted: false };
    let answer: Promise<Buffer | null> | null = reading;
    try {
      const content = await this.#commit.insist(() => {
        const asked = answer ?? this.#read(item);
        answer = null;
        return asked;
      });
      return { kind: 'claimed', claim: { ...claim, data: content ?? claim.data } };
    } catch (error) {
      throw new UnreadItem(claim, error);
    }
  }

  /** @returns `null` if the state that was read is outdated */
  async #claimAgain(item: Item, seat: string | null): Promise<ClaimOutcome | null> {
    const known = await this.#readAgain(item);
    if (known === null) return null;
    if ('kind' in known) return known;
    const until = this.#deferrals.of(item, known.record, known.recordVersion);
    if (until !== null) return { kind: 'deferred', until };
    const { attempts, reason } = known.record;
    const isExhausted = attempts >= this.#maxAttempts;
    const counted = isExhausted ? attempts : attempts + 1;
    const record: AttemptRecord = { ...NO_ATTEMPTS, attempts: counted, claim: randomUUID(), reason };
    const transaction = this.#keeper
      .transaction()
      .creatingParents()
      .check(itemPath(item), known.itemVersion)
      .create(claimPath(item), record.claim, { mode: 'EPHEMERAL' })
      .setData(recordPath(item), encodeRecord(record), { version: known.recordVersion });
    const attempt = { item, firstIndex: 0, recordIndex: 2, record, attemptsBefore: attempts };
    const claiming = { transaction: leaving(transaction, seat), attempts: [attempt] };
    const committed = await this.#commit.untilKnown(claiming);
    if (!isCommitted(committed)) return committed.why === 'contradicted' ? null : { kind: committed.why };
    const czxid = committed[0] as bigint;
    const epoch = this.#keeper.sessionEpoch;
    const version = known.recordVersion + 1;
    return { kind: 'claimed', claim: { item, epoch, czxid, record, version, data: known.data, isExhausted } };
  }

  async #readAgain(item: Item): Promise<Known | { readonly kind: 'gone' } | null> {
    const get = this.#keeper.getData().withStat();
    const [content, found] = await Promise.all([
      orNull(get.forPath(itemPath(item))),
      orNull(get.forPath(recordPath(item))),
    ]).catch((error: unknown) => {
      // The server does not permit the read, or the item is larger than this client accepts.
      const isOfItem = !isPassing(error) && (error instanceof KeeperError || error instanceof FrameTooLargeError);
      throw isOfItem ? new RefusedItem(item, error) : error;
    });
    if (content === null) return { kind: 'gone' };
    if (found === null) return null;
    // An item is older than its record, unless another item of the same name left that record behind.
    const record = found.stat.czxid < content.stat.czxid ? NO_ATTEMPTS : decodeRecord(found.data);
    const [itemVersion, recordVersion] = [content.stat.version, found.stat.version];
    return { record, recordVersion, itemVersion, data: content.data ?? Buffer.alloc(0) };
  }
}
