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
 * How an item is claimed, so that no two work on it and none is lost, whatever reply is lost.
 *
 * A claim is one transaction: the item is still there, the claim is created, the record counts one more attempt, both bear the claim's
 * uuid, and whoever stood in line for it leaves the line. Whether that was done is told by the uuid in the record, which only the one with the
 * claim writes; and by the version of the record an item is settled, so that nobody settles what somebody else has claimed since.
 */

/** An item that this process may work on. */
export interface Claim {
  readonly item: Item;
  /** Ordinal of the session to which the claim belongs, and ends with. */
  readonly epoch: number;
  /** Transaction that created the claim: grows from claim to claim of one item. */
  readonly czxid: bigint;
  /** The record as the claim has written it. */
  readonly record: AttemptRecord;
  /** Version of the record. */
  readonly version: number;
  /** What the item's znode holds. */
  readonly data: Buffer;
  /** Whether the item was handed out as often as it may be: it is claimed to be put aside, which is no attempt. */
  readonly isExhausted: boolean;
}

/** What came of an attempt to claim an item. */
export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'deferred'; readonly until: Moment }
  /** It was claimed before, and nobody has asked for it. */
  | { readonly kind: 'repeated' }
  /** Another one that was to be claimed with it was not to be had. */
  | { readonly kind: 'missed' }
  /** Somebody else has it, or it is gone; or who stood in line for it stands there no more. */
  | { readonly kind: 'taken' | 'gone' | 'unseated' };

/** What came of a transaction that also claims an item. */
export interface JointOutcome {
  /** Whether all of it was done. */
  readonly kind: 'done' | 'not done' | 'unknown';
  /** What comes of the claim, which is made by itself if it was not done. */
  outcome(): Promise<ClaimOutcome>;
}

/** What is known of an item that was claimed before. */
interface Known {
  readonly record: AttemptRecord;
  readonly recordVersion: number;
  readonly itemVersion: number;
  readonly data: Buffer;
}

/** An item was claimed and cannot be read. */
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
   * @param maxAttempts how often an item may be handed out
   * @param isOver whether nothing is wanted any more: what is under way goes on then, and nothing is tried again
   */
  constructor(keeper: Keeper, maxAttempts: number, isOver: () => boolean) {
    this.#keeper = keeper;
    this.#maxAttempts = maxAttempts;
    this.#isOver = isOver;
    this.#commit = new ClaimCommit(keeper);
  }

  /**
   * Claims an item. What it holds comes in the same round trip, if nobody has claimed it before.
   *
   * @param seat path of the own place in the line, which is left with the claim; `null` for none
   * @param isAsked whether somebody has asked for it: else it is not claimed if it was claimed before
   * @throws UnreadItem; RefusedItem; what a transaction throws; SessionExpiredError: then it is not claimed
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
   * Claims items that nobody has claimed before by one transaction: all of them, or none.
   *
   * @param seat path of the own place in the line, which is left with the claims; `null` for none
   * @returns for each what `claim` says; what it throws of all of them only the first one does
   */
  claimAll(items: readonly Item[], seat: string | null): Promise<ClaimOutcome>[] {
    return this.#claimFirst(items, seat);
  }

  /**
   * Claims an item that nobody has claimed before in one transaction with what goes before it.
   *
   * @param sizeBefore number of operations of that
   * @param isAsked whether somebody has asked for it: else it is not claimed if it was claimed before
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

  /** Takes back the attempt of a claim that its session has not outlived, as long as nobody else has claimed the item. */
  async uncount({ item, record, version, isExhausted }: Claim): Promise<void> {
    if (!isExhausted) await this.#commit.uncount(item, { ...record, attempts: record.attempts - 1 }, version);
  }

  /** @returns for each `repeated` if there is a record; what is thrown of all of them only the first one says */
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

  /** What an item holds that is being claimed; `null` if it is gone. As long as it was never claimed before nobody has changed it. */
  #read(item: Item): Promise<Buffer | null> {
    const reading = orNull(this.#keeper.getData().forPath(itemPath(item)));
    // Who needs it hears of it.
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

  /** @returns `null` if what was read is not true any more */
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
      // It may not be read, or is larger than this client takes.
      const isOfItem = !isPassing(error) && (error instanceof KeeperError || error instanceof FrameTooLargeError);
      throw isOfItem ? new RefusedItem(item, error) : error;
    });
    if (content === null) return { kind: 'gone' };
    if (found === null) return null;
    // An item is older than its record, unless that was left behind by another item of the same name.
    const record = found.stat.czxid < content.stat.czxid ? NO_ATTEMPTS : decodeRecord(found.data);
    const [itemVersion, recordVersion] = [content.stat.version, found.stat.version];
    return { record, recordVersion, itemVersion, data: content.data ?? Buffer.alloc(0) };
  }
}
