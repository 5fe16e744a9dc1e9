import { randomUUID } from 'node:crypto';
import {
  BadVersionError,
  ConnectionLossError,
  type Keeper,
  MarshallingError,
  MultiError,
  NoNodeError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';
import { orNull } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord, NO_ATTEMPTS } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';
import { type ClaimAttempt, leaving, type Refusal, whyNot } from './claim-attempt.js';

/*
 * How an item is claimed, so that no two work on it and none is lost, whatever reply is lost.
 *
 * A claim is one transaction: the item is still there, the claim is created, the record counts one more attempt and bears the claim's
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
  | { readonly kind: 'deferred'; readonly untilMs: number }
  /** It was claimed before, and is not to be claimed again. */
  | { readonly kind: 'repeated' }
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

/** Claims items, and settles what was claimed. */
export class Claims {
  readonly #keeper: Keeper;
  readonly #maxAttempts: number;

  /** @param maxAttempts how often an item may be handed out */
  constructor(keeper: Keeper, maxAttempts: number) {
    this.#keeper = keeper;
    this.#maxAttempts = maxAttempts;
  }

  /**
   * Claims an item. What it holds comes in the same round trip, if nobody has claimed it before.
   *
   * @param seat path of the own place in the line, which is left with the claim; `null` for none
   * @param mayRepeat whether one that was claimed before may be claimed again
   * @throws UnreadItem; what a transaction throws; SessionExpiredError: then it is not claimed
   */
  async claim(item: Item, seat: string | null, mayRepeat: boolean): Promise<ClaimOutcome> {
    for (;;) {
      const first = await this.#claimFirst(item, seat);
      if (first !== null) return first;
      if (!mayRepeat) return { kind: 'repeated' };
      const again = await this.#claimAgain(item, seat);
      if (again !== null) return again;
    }
  }

  /**
   * Claims an item that nobody has claimed before in one transaction with what goes before it.
   *
   * @param sizeBefore number of operations of that
   * @param mayRepeat whether it may be claimed by itself if it was claimed before
   */
  async claimAfter(before: Transaction, sizeBefore: number, item: Item, mayRepeat: boolean): Promise<JointOutcome> {
    const attempt = this.#first(item, before, sizeBefore);
    let isInDoubt = true;
    try {
      const committing = this.#commitNow(attempt);
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
      const czxid = isInDoubt ? await this.#findOwn(attempt) : null;
      if (czxid === null) return await this.claim(item, null, mayRepeat);
      return await this.#claimed(attempt, czxid, this.#read(item));
    };
    return { kind: isInDoubt ? 'unknown' : 'not done', outcome };
  }

  /** @returns `null` if it was claimed before: then there is a record */
  async #claimFirst(item: Item, seat: string | null): Promise<ClaimOutcome | null> {
    const attempt = this.#first(item, this.#keeper.transaction().creatingParents(), 0);
    const committing = this.#commit({ ...attempt, transaction: leaving(attempt.transaction, seat) });
    const reading = this.#read(item);
    const czxid = await committing;
    if (czxid === 'contradicted') return null;
    if (typeof czxid === 'string') return { kind: czxid };
    return await this.#claimed(attempt, czxid, reading);
  }

  #first(item: Item, before: Transaction, sizeBefore: number): ClaimAttempt {
    const record: AttemptRecord = { ...NO_ATTEMPTS, attempts: 1, claim: randomUUID() };
    const transaction = before
      .check(itemPath(item))
      .create(claimPath(item), undefined, { mode: 'EPHEMERAL' })
      .create(recordPath(item), null)
      // Of what is set, unlike of what is created, every server tells the stat.
      .setData(recordPath(item), encodeRecord(record));
    return { item, transaction, firstIndex: sizeBefore, recordIndex: sizeBefore + 3, record, attemptsBefore: 0 };
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
    for (let content = reading; ; content = this.#read(item)) {
      try {
        return { kind: 'claimed', claim: { ...claim, data: (await content) ?? claim.data } };
      } catch (error) {
        // Nobody else can have the item meanwhile, so it is asked for as long as there may be an answer.
        const isPassing = error instanceof ConnectionLossError && !(error.cause instanceof MarshallingError);
        const isOver = this.#keeper.closed || this.#keeper.sessionEpoch !== epoch;
        if (!isPassing || isOver) throw new UnreadItem(claim, error);
      }
    }
  }

  /** @returns `null` if what was read is not true any more */
  async #claimAgain(item: Item, seat: string | null): Promise<ClaimOutcome | null> {
    const known = await this.#readAgain(item);
    if (known === null) return null;
    if ('kind' in known) return known;
    const { attempts, notBeforeMs, reason } = known.record;
    if (notBeforeMs > Date.now()) return { kind: 'deferred', untilMs: notBeforeMs };
    const isExhausted = attempts >= this.#maxAttempts;
    const counted = isExhausted ? attempts : attempts + 1;
    const record: AttemptRecord = { attempts: counted, claim: randomUUID(), notBeforeMs: 0, reason };
    const transaction = this.#keeper
      .transaction()
      .creatingParents()
      .check(itemPath(item), known.itemVersion)
      .create(claimPath(item), undefined, { mode: 'EPHEMERAL' })
      .setData(recordPath(item), encodeRecord(record), { version: known.recordVersion });
    const indexes = { firstIndex: 0, recordIndex: 2 };
    const claiming = { item, transaction: leaving(transaction, seat), ...indexes, record, attemptsBefore: attempts };
    const czxid = await this.#commit(claiming);
    if (czxid === 'contradicted') return null;
    if (typeof czxid === 'string') return { kind: czxid };
    const epoch = this.#keeper.sessionEpoch;
    const version = known.recordVersion + 1;
    return { kind: 'claimed', claim: { item, epoch, czxid, record, version, data: known.data, isExhausted } };
  }

  /** Takes back the attempt of a claim that its session has not outlived, as long as nobody else has claimed the item. */
  async uncount({ item, record, version, isExhausted }: Claim): Promise<void> {
    if (!isExhausted) await this.#uncount(item, { ...record, attempts: record.attempts - 1 }, version);
  }

  async #readAgain(item: Item): Promise<Known | { readonly kind: 'gone' } | null> {
    const get = this.#keeper.getData().withStat();
    const [content, found] = await Promise.all([
      orNull(get.forPath(itemPath(item))),
      orNull(get.forPath(recordPath(item))),
    ]);
    if (content === null) return { kind: 'gone' };
    if (found === null) return null;
    // An item is older than its record, unless that was left behind by another item of the same name.
    const record = found.stat.czxid < content.stat.czxid ? NO_ATTEMPTS : decodeRecord(found.data);
    const [itemVersion, recordVersion] = [content.stat.version, found.stat.version];
    return { record, recordVersion, itemVersion, data: content.data ?? Buffer.alloc(0) };
  }

  /** @returns when it was claimed; or why it was not, `contradicted` if the item or its record is not as it was taken to be */
  async #commit(attempt: ClaimAttempt): Promise<bigint | Refusal> {
    for (;;) {
      let isOver: unknown = null;
      try {
        const czxid = await this.#commitNow(attempt);
        if (czxid !== null) return czxid;
      } catch (error) {
        if (error instanceof MultiError) return whyNot(error, attempt);
        if (!isUnknown(error) && !(error instanceof SessionExpiredError)) throw error;
        if (error instanceof SessionExpiredError) isOver = error;
      }
      const czxid = await this.#findOwn(attempt);
      if (czxid !== null) return czxid;
      if (isOver !== null) throw isOver;
    }
  }

  /** @returns the zxid of the transaction, by which the claim was created; `null` if its session may have been an earlier one than that of now */
  async #commitNow({ transaction, recordIndex }: ClaimAttempt): Promise<bigint | null> {
    const epoch = this.#keeper.sessionEpoch;
    const written = (await transaction.commit())[recordIndex];
    return written?.type === 'setData' && epoch === this.#keeper.sessionEpoch ? written.stat.mzxid : null;
  }

  /**
   * When the item was claimed, if its record says that it was; `null` if it was not. If the session has not outlived that, the attempt is
   * taken back, since nobody has begun to work.
   *
   * @throws SessionExpiredError in that case
   */
  async #findOwn({ item, record, attemptsBefore }: ClaimAttempt): Promise<bigint | null> {
    const [, found, stat] = await Promise.all([
      // The transaction may have been sent to another server than the one that answers now.
      this.#keeper.sync().forPath(recordPath(item)),
      orNull(this.#keeper.getData().withStat().forPath(recordPath(item))),
      this.#keeper.exists().forPath(claimPath(item)),
    ]);
    if (found === null || decodeRecord(found.data).claim !== record.claim) return null;
    // A claim of an earlier session is gone, or about to go.
    if (stat?.ephemeralOwner === this.#keeper.sessionId) return stat.czxid;
    await this.#uncount(item, { ...record, attempts: attemptsBefore }, found.stat.version);
    throw new SessionExpiredError(`${claimPath(item)} is of a session that has expired`);
  }

  async #uncount(item: Item, record: AttemptRecord, version: number): Promise<void> {
    try {
      const data = encodeRecord({ ...record, claim: null });
      await this.#keeper.setData().withVersion(version).forPath(recordPath(item), data);
    } catch (error) {
      // Somebody has claimed it since, or the item is done.
      if (error instanceof NoNodeError || error instanceof BadVersionError || this.#keeper.closed) return;
      this.#keeper.reportBackgroundError(error, 'taking back an attempt', recordPath(item));
    }
  }
}

/** Whether a transaction was done is not known, and a look at what it writes tells. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ConnectionLossError && error.outcome === 'unknown';
}
