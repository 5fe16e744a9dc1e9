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

/** Reason why an item is not claimed. `contradicted`: the item or its record differs from the expected state. */
type Refusal = 'gone' | 'taken' | 'contradicted' | 'unseated';

/** Part of a transaction that claims one item. */
export interface ClaimAttempt {
  readonly item: Item;
  /** Index of the first operation of the claim. The operations check the item, create the claim and write the record. */
  readonly firstIndex: number;
  /** Index of the operation that writes the record. Its result tells that the transaction was executed. */
  readonly recordIndex: number;
  /** Record that the transaction writes. */
  readonly record: AttemptRecord;
  /** Number of attempts before the claim. */
  readonly attemptsBefore: number;
}

/** Transaction that claims all of its items or none; its last operation deletes the ticket. */
export interface ClaimTransaction {
  readonly transaction: Transaction;
  readonly attempts: readonly ClaimAttempt[];
}

/** Item of a transaction that could not be claimed, and the reason. */
export interface Refused {
  readonly refused: number;
  readonly why: Refusal;
}

/** Refusal by the server that concerns an item itself, independent of the directories of the queue. Other items are not affected. */
export class RefusedItem extends Error {
  override readonly name = 'RefusedItem';
  readonly item: Item;

  constructor(item: Item, cause: unknown) {
    super(`cannot claim ${itemPath(item)}`, { cause });
    this.item = item;
  }
}

/** Number of operations that claim an item that was never claimed before. */
const CLAIM_SIZE = 4;

/** Extends a transaction so that it also claims an item that was never claimed before. @param size number of its operations so far */
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
    // Every server returns the stat of `setData`, but not of `create`.
    .setData(recordPath(item), encodeRecord(record));
  const attempt = { item, firstIndex: size, recordIndex: size + CLAIM_SIZE - 1, record, attemptsBefore: 0 };
  return { transaction: claiming, attempts: [...attempts, attempt] };
}

/** Extends a transaction so that it also deletes a ticket. @param seat path of the ticket; `null` for none */
export function leaving(transaction: Transaction, seat: string | null): Transaction {
  return seat === null ? transaction : transaction.delete(seat);
}

/**
 * Returns which claim was refused, and why, by the operation that failed: on the item, the claim, the record or the ticket.
 *
 * @throws RefusedItem if the item may not be read; any other refusal of the server
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
