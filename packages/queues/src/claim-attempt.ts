import { randomUUID } from 'node:crypto';
import {
  BadVersionError,
  KeeperError,
  type MultiError,
  NodeExistsError,
  NoNodeError,
  type Transaction,
} from '@zk-recipes/core';
import { type AttemptRecord, encodeRecord, NO_ATTEMPTS } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';

/** Why an item is not claimed: `contradicted` if it, or its record, is not as it was taken to be. */
type Refusal = 'gone' | 'taken' | 'contradicted' | 'unseated';

/** What a transaction does to claim one item. */
export interface ClaimAttempt {
  readonly item: Item;
  /** Which of its operations is the first that concerns the claim: the item is checked, the claim created, the record written. */
  readonly firstIndex: number;
  /** Which of them writes the record, and so tells when all of it was done. */
  readonly recordIndex: number;
  /** What it writes. */
  readonly record: AttemptRecord;
  /** What was counted before. */
  readonly attemptsBefore: number;
}

/** One transaction by which items are to be claimed, all of them or none; behind that the seat is left. */
export interface ClaimTransaction {
  readonly transaction: Transaction;
  readonly attempts: readonly ClaimAttempt[];
}

/** Which of the items of a transaction was not to be had, and why. */
export interface Refused {
  readonly refused: number;
  readonly why: Refusal;
}

/** The server refuses an item itself, whatever the directories of the queue permit: others are not concerned. */
export class RefusedItem extends Error {
  override readonly name = 'RefusedItem';
  readonly item: Item;

  constructor(item: Item, cause: unknown) {
    super(`cannot claim ${itemPath(item)}`, { cause });
    this.item = item;
  }
}

/** Number of operations by which an item is claimed that was not before. */
const CLAIM_SIZE = 4;

/** Goes on with a transaction so that it claims an item, too, which nobody has claimed before. @param size number of its operations so far */
export function claimingToo(
  item: Item,
  { transaction, attempts }: ClaimTransaction,
  size: number = attempts.length * CLAIM_SIZE,
): ClaimTransaction {
  const record: AttemptRecord = { ...NO_ATTEMPTS, attempts: 1, claim: randomUUID() };
  const claiming = transaction
    .check(itemPath(item))
    .create(claimPath(item), record.claim, { mode: 'EPHEMERAL' })
    .create(recordPath(item), null)
    // Of what is set, unlike of what is created, every server tells the stat.
    .setData(recordPath(item), encodeRecord(record));
  const attempt = { item, firstIndex: size, recordIndex: size + CLAIM_SIZE - 1, record, attemptsBefore: 0 };
  return { transaction: claiming, attempts: [...attempts, attempt] };
}

/** The transaction, which also leaves a place in the line. @param seat `null` for none */
export function leaving(transaction: Transaction, seat: string | null): Transaction {
  return seat === null ? transaction : transaction.delete(seat);
}

/**
 * Which of the claims was refused, and which of its operations: that of the item, of the claim, of the record; or that of the seat.
 *
 * @throws RefusedItem if the item may not be read; what else the server refuses
 */
export function whyNot(error: MultiError, { attempts }: ClaimTransaction): Refused {
  const { cause, failedIndex } = error;
  const isMissing = cause instanceof NoNodeError;
  const refused = attempts.findIndex(({ recordIndex }) => failedIndex <= recordIndex);
  const attempt = attempts[refused];
  if (attempt === undefined && isMissing) return { refused: 0, why: 'unseated' };
  const isOther = isMissing || cause instanceof NodeExistsError || cause instanceof BadVersionError;
  if (attempt !== undefined && isOther) {
    if (failedIndex === attempt.firstIndex && isMissing) return { refused, why: 'gone' };
    if (failedIndex !== attempt.firstIndex + 1) return { refused, why: 'contradicted' };
    if (cause instanceof NodeExistsError) return { refused, why: 'taken' };
  }
  if (attempt !== undefined && failedIndex === attempt.firstIndex) throw new RefusedItem(attempt.item, cause);
  throw cause instanceof KeeperError ? cause : error;
}
