import { randomUUID } from 'node:crypto';
import {
  BadVersionError,
  ConnectionLossError,
  type Keeper,
  KeeperError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  SessionExpiredError,
  type Stat,
  type Transaction,
} from '@zk-recipes/core';
import { orNull } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord, NO_ATTEMPTS } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';

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
  /** Somebody else has it, or it is gone; or who stood in line for it stands there no more. */
  | { readonly kind: 'taken' | 'gone' | 'unseated' };

/** What came of a transaction that also claims an item. */
export interface JointOutcome {
  /** Whether all of it was done. */
  readonly kind: 'done' | 'not done' | 'unknown';
  /** What comes of the claim, which is made by itself if it was not done. */
  outcome(): Promise<ClaimOutcome>;
}

/** What an item holds; `null` if it is gone. */
type Reading = Promise<Buffer | null>;

type Refusal = 'gone' | 'taken' | 'contradicted' | 'unseated';

/** One transaction by which an item is to be claimed. */
interface ClaimAttempt {
  readonly item: Item;
  readonly transaction: Transaction;
  /** Which of its operations creates the claim. */
  readonly claimIndex: number;
  /** What it writes. */
  readonly record: AttemptRecord;
  /** What was counted before. */
  readonly attemptsBefore: number;
}

/** What is known of an item that was claimed before. */
interface Known {
  readonly record: AttemptRecord;
  readonly recordVersion: number;
  readonly itemVersion: number;
  readonly data: Buffer;
}

/** Claims items, and settles what was claimed. */
export class Claims {
  readonly #keeper: Keeper;
  readonly #maxAttempts: number;
  #isStatTold = false;

  /** @param maxAttempts how often an item may be handed out */
  constructor(keeper: Keeper, maxAttempts: number) {
    this.#keeper = keeper;
    this.#maxAttempts = maxAttempts;
  }

  /**
   * Claims an item. What it holds comes in the same round trip, if nobody has claimed it before.
   *
   * @param seat path of the own place in the line, which is left with the claim; `null` for none
   * @throws what a transaction throws; SessionExpiredError: then it is not claimed
   */
  async claim(item: Item, seat: string | null): Promise<ClaimOutcome> {
    for (;;) {
      const outcome = (await this.#claimFirst(item, seat)) ?? (await this.#claimAgain(item, seat));
      if (outcome !== null) return outcome;
    }
  }

  /**
   * Claims an item that nobody has claimed before in one transaction with what goes before it.
   *
   * @param sizeBefore number of operations of that
   */
  async claimAfter(before: Transaction, sizeBefore: number, item: Item): Promise<JointOutcome> {
    const { attempt, reading } = this.#beginFirst(item, before, sizeBefore);
    let isInDoubt = true;
    try {
      const stat = await this.#commitAndLook(attempt);
      if (this.#isOwn(stat)) {
        const outcome = this.#claimed(attempt, stat, reading);
        return { kind: 'done', outcome: () => outcome };
      }
    } catch (error) {
      isInDoubt = isUnknown(error) || error instanceof SessionExpiredError;
    }
    const outcome = async (): Promise<ClaimOutcome> => {
      const stat = isInDoubt ? await this.#findOwn(attempt) : null;
      return stat === null ? await this.claim(item, null) : await this.#claimed(attempt, stat, reading);
    };
    return { kind: isInDoubt ? 'unknown' : 'not done', outcome };
  }

  /** @returns `null` if it was claimed before: then there is a record */
  async #claimFirst(item: Item, seat: string | null): Promise<ClaimOutcome | null> {
    const { attempt, reading } = this.#beginFirst(item, this.#keeper.transaction().creatingParents(), 0);
    const stat = await this.#commit({ ...attempt, transaction: leaving(attempt.transaction, seat) });
    if (stat === 'contradicted') return null;
    if (typeof stat === 'string') return { kind: stat };
    return await this.#claimed(attempt, stat, reading);
  }

  #beginFirst(item: Item, before: Transaction, sizeBefore: number): { attempt: ClaimAttempt; reading: Reading } {
    const record: AttemptRecord = { ...NO_ATTEMPTS, attempts: 1, claim: randomUUID() };
    const transaction = before
      .check(itemPath(item))
      .create(claimPath(item), undefined, { mode: 'EPHEMERAL' })
      .create(recordPath(item), encodeRecord(record));
    // As long as there is no record nobody has changed the item, so it does not matter which of the two comes first.
    const reading = orNull(this.#keeper.getData().forPath(itemPath(item)));
    reading.catch(() => {});
    return { attempt: { item, transaction, claimIndex: sizeBefore + 1, record, attemptsBefore: 0 }, reading };
  }

  async #claimed({ item, record }: ClaimAttempt, stat: Stat, reading: Reading): Promise<ClaimOutcome> {
    const stamp = this.#stamp(stat);
    const data = (await reading) ?? Buffer.alloc(0);
    return { kind: 'claimed', claim: { ...stamp, item, record, version: 0, data, isExhausted: false } };
  }

  /** @returns `null` if what was read is not true any more */
  async #claimAgain(item: Item, seat: string | null): Promise<ClaimOutcome | null> {
    const known = await this.#read(item);
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
    const claiming = leaving(transaction, seat);
    const stat = await this.#commit({ item, transaction: claiming, claimIndex: 1, record, attemptsBefore: attempts });
    if (stat === 'contradicted') return null;
    if (typeof stat === 'string') return { kind: stat };
    const version = known.recordVersion + 1;
    return { kind: 'claimed', claim: { ...this.#stamp(stat), item, record, version, data: known.data, isExhausted } };
  }

  /** Takes back the attempt of a claim that its session has not outlived, as long as nobody else has claimed the item. */
  async uncount({ item, record, version, isExhausted }: Claim): Promise<void> {
    if (!isExhausted) await this.#uncount(item, { ...record, attempts: record.attempts - 1 }, version);
  }

  #stamp({ czxid }: Stat): Pick<Claim, 'czxid' | 'epoch'> {
    return { czxid, epoch: this.#keeper.sessionEpoch };
  }

  async #read(item: Item): Promise<Known | { readonly kind: 'gone' } | null> {
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

  /** @returns the claim's stat; or why there is none, `contradicted` if the item or its record is not as it was taken to be */
  async #commit(attempt: ClaimAttempt): Promise<Stat | Refusal> {
    for (;;) {
      try {
        const stat = await this.#commitAndLook(attempt);
        if (this.#isOwn(stat)) return stat;
      } catch (error) {
        if (error instanceof MultiError) return whyNot(error);
        if (!isUnknown(error) && !(error instanceof SessionExpiredError)) throw error;
        const stat = await this.#findOwn(attempt);
        if (stat !== null) return stat;
        if (error instanceof SessionExpiredError) throw error;
        continue;
      }
      const stat = await this.#findOwn(attempt);
      if (stat !== null) return stat;
    }
  }

  /** Servers before 3.7.2, and 3.8.0 and 3.8.1, do not tell the stat of what a transaction creates: there a look at it leaves in the same write. */
  async #commitAndLook({ item, transaction, claimIndex }: ClaimAttempt): Promise<Stat | null> {
    const committing = transaction.commit();
    const looking = this.#isStatTold ? null : this.#keeper.exists().forPath(claimPath(item));
    looking?.catch(() => {});
    const created = (await committing)[claimIndex];
    if (created?.type === 'create' && created.stat !== null) {
      this.#isStatTold = true;
      return created.stat;
    }
    this.#isStatTold = false;
    const stat = (await looking) ?? null;
    // It was too early if directories had to be made for the transaction, or it was sent again.
    return this.#isOwn(stat) ? stat : await this.#keeper.exists().forPath(claimPath(item));
  }

  /** Whether a claim is of the session of now: one of an earlier session is gone, or about to go. */
  #isOwn(stat: Stat | null): stat is Stat {
    return stat !== null && stat.ephemeralOwner === this.#keeper.sessionId;
  }

  /**
   * The stat of the claim, if its record says that it was made; `null` if not. If its session has not outlived it, the attempt is taken
   * back, since nobody has begun to work.
   *
   * @throws SessionExpiredError in that case
   */
  async #findOwn({ item, record, attemptsBefore }: ClaimAttempt): Promise<Stat | null> {
    const [, found, stat] = await Promise.all([
      // The transaction may have been sent to another server than the one that answers now.
      this.#keeper.sync().forPath(recordPath(item)),
      orNull(this.#keeper.getData().withStat().forPath(recordPath(item))),
      this.#keeper.exists().forPath(claimPath(item)),
    ]);
    if (found === null || decodeRecord(found.data).claim !== record.claim) return null;
    if (this.#isOwn(stat)) return stat;
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

function leaving(transaction: Transaction, seat: string | null): Transaction {
  return seat === null ? transaction : transaction.delete(seat);
}

/** Which of a claim's operations was refused: that of the item, of the claim, of the record, of the seat. */
function whyNot(error: MultiError): Refusal {
  const { cause, failedIndex } = error;
  const isMissing = cause instanceof NoNodeError;
  if (failedIndex === 0 && isMissing) return 'gone';
  if (failedIndex === 1 && cause instanceof NodeExistsError) return 'taken';
  if (failedIndex === 3 && isMissing) return 'unseated';
  const isOther = isMissing || cause instanceof NodeExistsError || cause instanceof BadVersionError;
  if (failedIndex !== 1 && isOther) return 'contradicted';
  throw cause instanceof KeeperError ? cause : error;
}
